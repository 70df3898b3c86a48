"""A shop's labelled rows, made by hand."""

from triage_ml.corpus import LabelledText
from triage_ml.messages import Claim
from triage_ml.retraining.labels import is_apart
from triage_ml.retraining.records import Origin, ShopRow


def shop_row(text, claim=Claim.QUALITY, buyer="b1", language="en", *, id="", abuse=False, **other):
    row = LabelledText(id or text, language, text, claim, abuse, f"{language} {buyer}", **other)
    return ShopRow(row, Origin.FILE, by="Mia", apart=is_apart(row.group))
