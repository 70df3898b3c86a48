"""One dispute in each of the seven languages, as people write."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from triage_ml.messages import Money

NOON = datetime(2026, 4, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
# What the buyer typed, what the buyer wrote, what the seller answered.
DISPUTES = {
    "en": ("Name: Maisie\nFont: script", "It says Maise on the bowl, one letter is missing. I ordered Maisie.", "We are sorry. We will make the bowl again with the right name."),
    "de": ("Für Oma Lisbeth", "Auf dem Rahmen steht Lisbet statt Lisbeth, so kann ich ihn nicht verschenken.", "Das tut uns leid. Wir fertigen den Rahmen neu."),
    "fr": ("Prénom : Éloïse", "Le prénom gravé est Eloise, sans accent ni tréma. Ce n'est pas ce que j'ai commandé.", "Nous sommes désolés et refaisons la plaque."),
    "it": ("Nome: Ginevra", "Sul portachiavi c'è scritto Ginerva invece di Ginevra.", "Ci dispiace molto, lo rifacciamo subito."),
    "es": ("Texto: Feliz día, mamá", "Pone «Feliz dia mama» sin tildes, y yo lo escribí con tildes.", "Lo sentimos. Le haremos otra placa."),
    "ja": ("刻印：花子\nサイズ：7号", "指輪の刻印が「花千」になっています。「花子」と注文しました。", "ご迷惑をおかけし申し訳ございません。無償で作り直します。"),
    "zh": ("刻字：平安喜乐", "刻的是“平安喜东”，我下单写的是“平安喜乐”。", "非常抱歉，我们为您重新制作。"),
}  # fmt: skip
MARKETPLACES = {"en": "uk", "de": "de", "fr": "fr", "it": "it", "es": "es", "ja": "jp", "zh": ""}
PAID = Money(Decimal("34.90"), "EUR")
