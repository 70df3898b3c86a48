import json
import sys
from collections import Counter
from datetime import date
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage_ml.errors import PolicyError
from triage_ml.language import LANGUAGES
from triage_ml.messages import Claim, Money
from triage_ml.replies.lint import Outgoing, check
from triage_ml.replies.rulebook import PLATFORMS, load_rulebook
from triage_ml.resolution import RemedyKind

TEXTS = [json.loads(line) for line in (Path(__file__).parent / "outgoing" / "texts.jsonl").read_text("utf-8").splitlines()]
SHIPPED = (files("triage_ml") / "data" / "outgoing.toml").read_text("utf-8")
RULES = {rule.id for rule in load_rulebook().rules}
ORDER = "304-8812290-5517263"
TEN_EUROS = Money(Decimal(10), "EUR")


def _context(row):
    values = dict(row["context"])
    amount, currency = values["highest"].split()
    values |= {"claim": Claim(values["claim"]), "highest": Money(Decimal(amount), currency)}
    return Outgoing(channel=row["platform"], **values)


def _found(text, rule, **context):
    return [f.found for f in check(text, Outgoing(**context)) if f.rule == rule]


# --- the texts ---------------------------------------------------------------------------------------------------------


def test_the_texts_cover_all_rules_and_languages_and_half_of_them_are_allowed():
    assert len(TEXTS) >= 320
    assert len({row["text"] for row in TEXTS}) == len({row["id"] for row in TEXTS}) == len(TEXTS)
    assert {row["id"][:2] for row in TEXTS} == set(LANGUAGES)
    assert {row["platform"] for row in TEXTS} == {*PLATFORMS, ""}
    assert {rule for row in TEXTS for rule in row["rules"]} == RULES
    assert 0.45 < sum(not row["rules"] for row in TEXTS) / len(TEXTS) < 0.55


@pytest.fixture(scope="module")
def counts():
    """For each rule: how often rightly found, found without need, and missed."""
    table = {rule: Counter() for rule in sorted(RULES)}
    for row in TEXTS:
        found, wanted = {f.rule for f in check(row["text"], _context(row))}, set(row["rules"])
        for rule in found | wanted:
            table[rule]["right" if rule in found & wanted else "needless" if rule in found else "missed"] += 1
    for rule, c in table.items():
        precision, recall = c["right"] / max(1, c["right"] + c["needless"]), c["right"] / max(1, c["right"] + c["missed"])
        sys.stdout.write(f"{rule:20} precision {precision:.2f}  recall {recall:.2f}  of {c['right'] + c['missed']}\n")
    return table


def test_what_must_be_found_is_found_and_little_else(counts):
    whole = sum(counts.values(), Counter())
    assert whole["right"] / (whole["right"] + whole["missed"]) >= 0.95
    assert whole["right"] / (whole["right"] + whole["needless"]) >= 0.9


@pytest.mark.parametrize("rule", sorted(RULES))
def test_no_rule_is_carried_by_the_others(counts, rule):
    right, needless, missed = (counts[rule][key] for key in ("right", "needless", "missed"))
    assert right / (right + missed) >= 0.85 and right / (right + needless) >= 0.85


# --- our own replies ---------------------------------------------------------------------------------------------------

FIELDS = {
    "order_id": ORDER, "product": "Name mug", "customisation": "Mathilda", "buyer_name": "Mathilda", "shop": "Atelier Nord",
    "offer": "7.50 EUR", "offer_low": "5.00 EUR", "offer_high": "10.00 EUR", "remake_price": "18.00 EUR", "remake_days": "5", "evidence_days": "7", "return_days": "30",
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("channel", ["amazon", "ebay"])  # together they have every rule that is an error
def test_no_shipped_template_has_an_error(templates, language, channel):
    for template in templates.values():
        text, missing = template.render(language, FIELDS)
        assert missing == ()
        for claim in template.claims:
            context = Outgoing(
                channel, language, claim, ORDER, TEN_EUROS,
                full_refund_allowed=RemedyKind.FULL_REFUND_KEEP in template.remedies or claim in (Claim.QUALITY, Claim.MISMATCH),
                personalised=template.personalised == "only", price=Money(Decimal("18.00"), "EUR"),
            )  # fmt: skip
            errors = [f for f in check(text, context) if f.severity == "error"]
            assert errors == [], (template.id, claim)


def test_a_field_that_was_not_filled_is_an_error(templates):
    text, missing = templates["q_choice_partial"].render("de", {"shop": "Atelier Nord"})
    assert [f"[{name}]" for name in missing] == _found(text, "unfilled", channel="amazon", language="de")


# --- findings ----------------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [row["text"] for row in TEXTS[::9]]
    + ["１２，５０ €", "ＵＳ＄12", "\n\n\n", "\u3000", "ﬃ", "İ", "ß", "’", "\u200d", "\ud83d", "12.50", " EUR ", "円", "(", "@", "https://", "."]
)  # fmt: skip


@given(st.lists(PIECES | st.text(max_size=20), max_size=4).map("".join), st.sampled_from([*PLATFORMS, "", "shop"]))
def test_a_finding_names_a_place_in_the_text_as_it_was_written(text, channel):
    findings = check(text, Outgoing(channel, "de", None, ORDER, TEN_EUROS))
    for finding in findings:
        assert 0 <= finding.start < finding.end <= len(text)
        assert finding.found == text[finding.start : finding.end]
        assert finding.rule in RULES and finding.severity in ("error", "warning")
        assert finding.why and finding.fix and finding.source
    assert findings == sorted(findings, key=lambda f: (f.start, f.end, f.rule))


@pytest.mark.parametrize("piece", ["0", "a", "a."])
def test_a_long_nonsense_text_takes_no_long_time(piece):
    # An expression that starts anew at every character takes minutes for this, and stops the run.
    assert {f.rule for f in check(piece * (40_000 // len(piece)), Outgoing("amazon", "en"))} >= {"length"}


def test_on_an_unknown_platform_what_only_platforms_forbid_is_a_warning():
    severities = {f.rule: f.severity for f in check("<b>Sorry</b> 😊 [name]", Outgoing())}
    assert severities == {"html": "warning", "emoji": "warning", "unfilled": "error"}
    assert [f.rule for f in check("<b>Sorry</b> 😊 [name]", Outgoing("shop"))] == ["unfilled"]


def test_what_rests_on_something_unknown_is_a_warning():
    text = f"Custom orders are non-refundable. Order {ORDER}. I refund 5 EUR."
    known = Outgoing("amazon", "en", Claim.QUALITY, "304-0000000-0000000", Money(Decimal(4), "EUR"), personalised=True)
    assert {f.rule: f.severity for f in check(text, known)} == {
        "refusal_fault": "error",
        "other_order": "error",
        "amount": "error",
    }
    unknown = {f.rule: f.severity for f in check(text, Outgoing("amazon", "en"))}
    assert unknown == dict.fromkeys(["refusal_fault", "refusal_return", "other_order", "amount"], "warning")


def test_a_change_of_mind_about_personalised_goods_may_be_refused():
    text = "As it was made with your name, it cannot be returned for a change of mind."
    context = {"channel": "amazon", "language": "en", "claim": Claim.SUBJECTIVE}
    assert check(text, Outgoing(**context, personalised=True)) == []
    assert [f.rule for f in check(text, Outgoing(**context, personalised=False))] == ["refusal_return"]


def test_a_rule_counts_from_its_day():
    text = "See www.example.com"
    assert [f.rule for f in check(text, Outgoing("ebay"), on=date(2024, 5, 10))] == ["link"]
    assert check(text, Outgoing("ebay"), on=date(2024, 5, 9)) == []


# --- amounts, links, orders, language, length --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "12,50 €", "€12.50", "EUR 12.50", "12 Euro", "1.234,56 €", "1 234,56 €", "20,- €", "１２ユーロ", "11欧元",
    ],
)  # fmt: skip
def test_an_amount_above_the_highest_is_found_in_all_its_forms(text):
    assert _found(f"Wir erstatten {text}", "amount", highest=TEN_EUROS) == [text]


@pytest.mark.parametrize(
    "text", ["12 CHF", "US$9", "£9", "9 pounds", "9 USD", "900円", "9美元", "50元", "9 dólares", "9 sterline", "₹500"]
)
def test_an_amount_in_another_currency_is_found(text):
    assert _found(f"退款 {text}", "currency", highest=TEN_EUROS) == [text]
    assert _found(f"退款 {text}", "amount", highest=TEN_EUROS) == []


@pytest.mark.parametrize(
    "text", ["all 12 pieces", "top 20", "size US 19", "19 cm", "42 Stück", "24.11.2026", "16:30", "20 %", ORDER]
)
def test_other_numbers_are_no_amounts(text):
    assert not [f for f in check(text, Outgoing(highest=TEN_EUROS, order_id=ORDER)) if f.rule in ("amount", "currency")]


def test_a_sign_that_several_currencies_share_is_the_order_s_own():
    assert _found("$12 and 9 dollars", "amount", highest=Money(Decimal(10), "CAD")) == ["$12"]
    assert _found("¥1200", "currency", highest=Money(Decimal(1000), "CNY")) == []


FORMS = {
    "EUR": ("{} €", "€{}", "EUR {}"), "USD": ("${}", "US${}", "{} USD", "{}美元"), "GBP": ("£{}", "{} GBP"), "CAD": ("CA${}", "{} CAD"),
    "SEK": ("{} kr", "{} SEK"), "PLN": ("{} zł",), "INR": ("₹{}",), "CHF": ("CHF {}",), "JPY": ("{}円", "¥{}"), "CNY": ("{}元", "¥{}"),
}  # fmt: skip


@given(st.data(), st.sampled_from(sorted(FORMS)), st.integers(1, 99_999), st.integers(1, 99_999))
def test_an_amount_is_found_just_when_it_is_above_the_highest(data, currency, promised, highest):
    unit = 1 if currency == "JPY" else 100
    form = data.draw(st.sampled_from(FORMS[currency]))
    amount = form.format(f"{Decimal(promised) / unit:.{0 if unit == 1 else 2}f}")
    context = Outgoing(highest=Money(Decimal(highest) / unit, currency))
    rules = [f.rule for f in check(f"So {amount}, gut?", context) if f.rule in ("amount", "currency")]
    assert rules == (["amount"] if promised > highest else [])


@pytest.mark.parametrize(
    "link",
    [
        "https://shop.example.com/x", "www.example.de", "example.co.uk", "bit.ly/3xYz", "amazon.de.example.com/x", "https://amazon.de@example.com/",
        "myamazon.com", "amazon-returns.com", "https://example.com/?to=amazon.de", "HTTP://EXAMPLE.COM", "www.etsy.com/shop",
    ],
)  # fmt: skip
def test_a_link_that_leads_away_is_found(link):
    assert _found(f"Siehe {link}.", "link", channel="amazon") == [link]


@pytest.mark.parametrize(
    ("channel", "link"),
    [("amazon", "https://www.amazon.co.jp/dp/B0"), ("amazon", "amazon.de/retoure"), ("etsy", "www.etsy.com/your/purchases"), ("ebay", "ebay.co.uk/itm/1"), ("", "etsy.com")],
)  # fmt: skip
def test_a_platform_s_own_link_is_none(channel, link):
    assert _found(f"Siehe {link}.", "link", channel=channel) == []


@pytest.mark.parametrize("text", ["done.It works", "z.B. so", "e.g. this", "angekommen.Bitte", "file.jpg", "5 p.m. sharp"])
def test_a_dot_makes_no_link(text):
    assert _found(text, "link", channel="amazon") == []


@pytest.mark.parametrize("order_id", [ORDER, "14-10822-55317", "order #3128845107"])
def test_only_another_order_is_found(order_id):
    own = order_id.removeprefix("order #")
    assert _found(f"About {order_id}: done.", "other_order", order_id=own) == []
    assert _found(f"About {order_id}: done.", "other_order", order_id="1" + own[1:] if own[0] != "1" else "2" + own[1:]) == [
        order_id
    ]


def test_one_paragraph_in_another_language_is_found_and_a_name_is_not():
    german = "Guten Tag Frau Reuter, es tut mir leid, dass das Brett gerissen ist. Wir fertigen Ihnen kostenlos ein neues an. Das alte können Sie behalten, und wenn Ihnen das Geld lieber ist, genügt eine kurze Antwort."
    english = (
        "We will make a new cutting board for you, with the same name on it, and send it to you on Monday without any cost."
    )
    assert _found(f"{german}\n\n{english}", "language", language="de") == [english]
    assert _found(f"{german}\n\nHappy Birthday Grandma", "language", language="de") == []
    assert _found(f"{german}\n\n{english}", "language", language="xx") == []


@pytest.mark.parametrize(("channel", "severity"), [("amazon", "warning"), ("etsy", "warning"), ("ebay", "error")])
def test_the_end_of_a_text_that_is_too_long_is_shown(channel, severity):
    text = "Ein Satz ohne Ende " * 110
    finding = next(f for f in check(text, Outgoing(channel, "de")) if f.rule == "length")
    assert (finding.start, finding.end, finding.severity) == (2000, len(text), severity)
    assert not [f for f in check(text[:2000], Outgoing(channel, "de")) if f.rule == "length"]


# --- the file ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[own_links]", "[own_lings]", "unknown key 'own_lings'"),
        ('fix = "Say it in words."', 'fixx = "Say it in words."', "rule 'emoji': found unknown key 'fixx'"),
        ('fix = "Say it in words."', "", "rule 'emoji': found no 'fix'"),
        ('finds = [["emoji"]]', 'finds = [["emojis"]]', "found 'emojis'; expected one of link, email"),
        ('finds = [["emoji"]]', "", "rule 'emoji': found no finds"),
        ('id = "emoji"', 'id = "html"', "found an id twice"),
        ('needs = ["highest"]', 'needs = ["price"]', "found 'price'; expected one of claim, highest, order_id"),
        ('claims = ["subjective"]', 'claims = ["taste"]', "found 'taste'; expected one of quality"),
        ("personalised = false", 'personalised = "no"', "expected true or false"),
        ('channel = "amazon"', 'channel = "amazn"', "found 'amazn'; expected one of amazon, etsy, ebay, any"),
        ('severity = "error"', 'severity = "fatal"', "found 'fatal'; expected one of error, warning"),
        ("effective_from = 2021-03-01", 'effective_from = "2021"', "effective_from '2021'; expected a day"),
        ("most = 2000", "most = true", "found most True"),
        ("most = 2000", "", "found most None"),
        ("en = ['<money>']", "en = ['<monney>']", "phrase '<monney>' (en): found 'monney'"),
        ("en = ['<money>']", "en = ['(money']", "phrase '(money' (en): found missing )"),
        ("en = ['<money>']", "en = '<money>'", "phrases.money.en: found '<money>'; expected a list"),
        ("en = ['<money>']", "nl = ['geld']", "phrases.money: found unknown key 'nl'"),
        ("[words.en]", "[words.nl]", "words: found unknown key 'nl'"),
        ("[phrases.courtesy]", "[phrases.curtsy]", "phrases: found no 'courtesy'"),
        ("[own_links]", "[own_links", "expected a TOML file"),
    ],
)  # fmt: skip
def test_a_slip_in_the_file_is_named(tmp_path, old, new, says):
    assert old in SHIPPED
    path = tmp_path / "outgoing.toml"
    path.write_text(SHIPPED.replace(old, new, 1), "utf-8")
    with pytest.raises(PolicyError) as error:
        load_rulebook(path)
    assert says in str(error.value) and str(path) in str(error.value)


def test_a_file_is_read_once(tmp_path):
    path = tmp_path / "outgoing.toml"
    path.write_text(SHIPPED.replace('why = "An emoji."', 'why = "A little picture."'), "utf-8")
    book = load_rulebook(path)
    assert load_rulebook(path) is book
    assert [f.why for f in check("👍 danke", Outgoing("amazon"), book=book) if f.rule == "emoji"] == ["A little picture."]
    with pytest.raises(PolicyError, match="expected a TOML file"):
        load_rulebook(tmp_path / "none.toml")


def test_every_rule_names_its_source_and_its_day():
    for rule in load_rulebook().rules:
        assert rule.applies and len({a.channel for a in rule.applies}) == len(rule.applies)
        assert all(a.source and a.effective_from <= date(2026, 11, 1) for a in rule.applies)
