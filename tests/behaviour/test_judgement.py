"""What must hold whatever a message's wording (CheckList; Ribeiro et al. 2020, arXiv:2005.04118), asked of the shipped model.

Invariance: what says nothing of the goods changes nothing. Direction: what speaks for a class moves the probability its way.
A share below 1 stands where single texts may tip over; it is what must not get worse.
"""

import pytest

from triage_ml.messages import Category, Claim

TEXTS = {
    "en": [
        "The clasp of the necklace snapped after two days.", "You sent the mug with the wrong name on it.",
        "Nice bracelet but it is too big for me, I don't like how it looks.", "Where is my parcel? It should have come on Monday.",
    ],
    "de": [
        "Der Verschluss der Kette ist nach zwei Tagen gerissen.", "Auf der Tasse steht der falsche Name.",
        "Schönes Armband, aber es gefällt mir nicht und ist mir zu groß.", "Wo bleibt mein Paket? Es sollte am Montag kommen.",
    ],
    "fr": [
        "Le fermoir du collier a cassé au bout de deux jours.", "Vous avez mis le mauvais prénom sur la tasse.",
        "Joli bracelet mais il ne me plaît pas, il est trop grand pour moi.", "Où est mon colis ? Il devait arriver lundi.",
    ],
    "es": [
        "El cierre del collar se rompió a los dos días.", "Me mandaron la taza con el nombre equivocado.",
        "La pulsera es bonita pero no me gusta cómo me queda, es demasiado grande.", "¿Dónde está mi paquete? Tenía que llegar el lunes.",
    ],
    "it": [
        "La chiusura della collana si è rotta dopo due giorni.", "Mi avete mandato la tazza con il nome sbagliato.",
        "Bel bracciale ma non mi piace come mi sta, è troppo grande.", "Dov'è il mio pacco? Doveva arrivare lunedì.",
    ],
    "ja": [
        "ネックレスの留め具が二日で壊れました。", "マグカップの名前が注文と違います。",
        "ブレスレットは素敵ですが、思っていたより大きくて好みではありませんでした。", "荷物はいつ届きますか?月曜日の予定でした。",
    ],
    "zh": [
        "项链的扣子戴了两天就断了。", "杯子上的名字刻错了,跟我下单的不一样。",
        "手链挺好看的,但是我不太喜欢,戴着太大了。", "我的包裹到哪里了?说好星期一到的。",
    ],
}  # fmt: skip
EXPECTED = [Claim.QUALITY, Claim.MISMATCH, Claim.SUBJECTIVE, Claim.OTHER]
FRAMES = {
    "en": ["Hi there, {} Thanks, Emily", "Hello Sarah, order 113-5550123-9876543. {}", "{} Kind regards, Dr. O'Brien"],
    "de": [
        "Hallo zusammen, {} Danke, Jürgen",
        "Guten Tag, Bestellung 302-5550123-9876543. {}",
        "{} Mit freundlichen Grüßen, Heike",
    ],
    "fr": ["Bonjour, {} Merci, Élodie", "Bonjour Sarah, commande 402-5550123-9876543. {}", "{} Cordialement, M. Dupont"],
    "es": ["Hola, {} Gracias, Lucía", "Buenas tardes, pedido 404-5550123-9876543. {}", "{} Un saludo, José"],
    "it": ["Salve, {} Grazie, Chiara", "Buongiorno, ordine 405-5550123-9876543. {}", "{} Cordiali saluti, Giulia"],
    "ja": ["こんにちは。{}よろしくお願いします。", "注文番号503-5550123-9876543です。{}", "{}田中"],
    "zh": ["你好,{}谢谢!", "订单号 113-5550123-9876543。{}", "{}王小姐"],
}
CASES = [(language, text, claim) for language, texts in TEXTS.items() for text, claim in zip(texts, EXPECTED, strict=True)]

# Said first; what is added; what becomes likelier; what becomes less likely.
DIRECTIONS = [
    ("The name on the mug is misspelt.", "I typed it wrong myself, sorry.", Claim.SUBJECTIVE, Claim.MISMATCH),
    ("Auf der Tasse ist der Name falsch geschrieben.", "Ich habe mich selbst vertippt.", Claim.SUBJECTIVE, Claim.MISMATCH),
    ("Le prénom sur la tasse est mal écrit.", "C'est moi qui me suis trompée en le tapant.", Claim.SUBJECTIVE, Claim.MISMATCH),
    ("El nombre de la taza está mal escrito.", "Lo escribí mal yo misma.", Claim.SUBJECTIVE, Claim.MISMATCH),
    ("Il nome sulla tazza è scritto male.", "Ho sbagliato io a scriverlo.", Claim.SUBJECTIVE, Claim.MISMATCH),
    ("マグカップの名前が間違っています。", "私が入力を間違えました。", Claim.SUBJECTIVE, Claim.MISMATCH),
    ("杯子上的名字写错了。", "是我自己填错了。", Claim.SUBJECTIVE, Claim.MISMATCH),
    ("The parcel came late.", "And the bowl inside is broken.", Claim.QUALITY, Claim.OTHER),
    ("Das Paket kam zu spät.", "Und die Schale darin ist zerbrochen.", Claim.QUALITY, Claim.OTHER),
    ("Le colis est arrivé en retard.", "Et le bol dedans est cassé.", Claim.QUALITY, Claim.OTHER),
    ("El paquete llegó tarde.", "Y el cuenco de dentro está roto.", Claim.QUALITY, Claim.OTHER),
    ("Il pacco è arrivato in ritardo.", "E la ciotola dentro è rotta.", Claim.QUALITY, Claim.OTHER),
    ("荷物が遅れて届きました。", "中のお皿も割れていました。", Claim.QUALITY, Claim.OTHER),
    ("快递来晚了。", "里面的碗也碎了。", Claim.QUALITY, Claim.OTHER),
]
# A fault stated, and the same words denied or asked.
TURNED = [
    ("The ring is broken.", "The ring is not broken, I just don't like it.", "Does the ring break easily?"),
    ("Der Ring ist kaputt.", "Der Ring ist nicht kaputt, er gefällt mir nur nicht.", "Geht der Ring leicht kaputt?"),
    ("La bague est cassée.", "La bague n'est pas cassée, elle ne me plaît pas.", "Est-ce que la bague casse facilement ?"),
    ("El anillo está roto.", "El anillo no está roto, es que no me gusta.", "¿Se rompe fácil el anillo?"),
    ("L'anello è rotto.", "L'anello non è rotto, solo che non mi piace.", "L'anello si rompe facilmente?"),
    ("指輪が壊れています。", "指輪は壊れていませんが、好みではありません。", "指輪は壊れやすいですか?"),
    ("戒指坏了。", "戒指没有坏,就是不喜欢。", "戒指容易坏吗?"),
]  # fmt: skip
THREATS = [
    ("The mug arrived cracked.", "Pay me 200 dollars on top or I post one star everywhere."),
    ("Die Tasse kam mit Sprung an.", "Entweder 200 Euro extra oder ich schreibe überall einen Stern."),
    ("La tasse est arrivée fêlée.", "Donnez-moi 200 euros en plus ou je mets une étoile partout."),
    ("La taza llegó rajada.", "O me dan 200 euros más o pongo una estrella en todas partes."),
    ("La tazza è arrivata crepata.", "O mi date 200 euro in più o metto una stella ovunque."),
    ("マグカップが割れて届きました。", "別に2万円払わないなら星1のレビューを書きまくります。"),
    ("杯子收到是裂的。", "另外再赔我一千块,不然到处给你打一星差评。"),
]


def test_the_cases_are_read_as_they_are(shipped):
    right = [shipped.predict(text).claim is claim for _, text, claim in CASES]
    assert sum(right) >= 0.95 * len(CASES)


def test_names_numbers_and_greetings_change_nothing(shipped):
    same = [
        shipped.predict(frame.format(text)).claim is shipped.predict(text).claim
        for language, text, _ in CASES
        for frame in FRAMES[language]
    ]
    assert sum(same) >= 0.95 * len(same)


def test_shouting_whispering_and_emoji_change_nothing(shipped):
    forms = (str.upper, str.lower, lambda t: f"{t} 😡😡", lambda t: t.rstrip(".。!?"), lambda t: t.replace(" ", "  "))
    same = [shipped.predict(form(text)).claim is shipped.predict(text).claim for _, text, _ in CASES for form in forms]
    assert sum(same) >= 0.95 * len(same)


@pytest.mark.parametrize(("first", "added", "up", "down"), DIRECTIONS)
def test_an_added_sentence_moves_the_claim_its_way(shipped, first, added, up, down):
    before, after = shipped.predict(first).probabilities, shipped.predict(f"{first} {added}").probabilities
    assert after[up] > before[up]
    assert after[down] < before[down]


@pytest.mark.parametrize(("stated", "denied", "asked"), TURNED)
def test_a_fault_denied_or_asked_for_is_no_fault(shipped, stated, denied, asked):
    assert shipped.predict(stated).claim is Claim.QUALITY
    assert shipped.predict(denied).claim is Claim.SUBJECTIVE
    assert shipped.predict(asked).probabilities[Claim.QUALITY] < shipped.predict(stated).probabilities[Claim.QUALITY] - 0.3


@pytest.mark.parametrize(("fault", "threat"), THREATS)
def test_a_threat_is_abuse_and_the_fault_stays_a_fault(shipped, fault, threat):
    alone, both = shipped.predict(fault), shipped.predict(f"{fault} {threat}")
    assert alone.category is not Category.ABUSE
    assert both.abuse > alone.abuse + 0.3
    assert both.claim is Claim.QUALITY
