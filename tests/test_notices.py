import json
import re
import unicodedata
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from triage_ml.errors import TemplateError
from triage_ml.language import LANGUAGES, detect
from triage_ml.notices import FindingKind, Place, check_listing, notice

MARKETPLACES = ("at", "be", "de", "es", "fr", "ie", "it", "nl", "pl", "se", "uk", "us", "jp")
CHANNELS = ("", "amazon.", "ebay.", "etsy.", "shop.")
# Batch 1 was written before the words, which were then written for it. Batches 2 to 6 were each measured first and mended by
# afterwards (first measure of all five together: precision 0.68, recall 0.74). Batch 7 was measured last and never mended by;
# one of its labels was wrong and was put right ("final sale" is a refusal without limit).
LISTINGS = [json.loads(line) for line in (Path(__file__).parent / "notices" / "listings.jsonl").read_text("utf-8").splitlines()]
# What Amazon forbids in a message, and what no listing needs.
FORBIDDEN = re.compile(
    r"https?:|www\.|@|\+\d{6,}|<[a-z/]|coupon|voucher|gutschein|bon d'achat|cupón|buono|クーポン|优惠券"
    r"|\breviews?\b|\bratings?\b|feedback|bewertung|\bavis (?:positif|client)|reseña|recension|レビュー|评价|好评|[\U0001f300-\U0001faff]",
    re.IGNORECASE,
)
# The words of the right that the EU and the UK know and the platforms do not.
WITHDRAWAL = {
    "en": "right to cancel", "de": "Widerrufsrecht", "fr": "rétractation", "es": "desistimiento", "it": "recesso",
    "ja": "撤回権", "zh": "撤回权",
}  # fmt: skip


def _kinds(text, language, marketplace):
    return {finding.kind.value for finding in check_listing(text, language, marketplace)}


def _counts(rows):
    """True finds, false alarms and misses over some listings, one for each kind of each text."""
    counts = Counter()
    for row in rows:
        got, due = _kinds(row["text"], row["language"], row["marketplace"]), set(row["findings"])
        counts += Counter({"found": len(got & due), "false": len(got - due), "missed": len(due - got)})
    return counts


# The notices


@pytest.mark.parametrize("place", Place)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_notice_is_lawful_by_our_own_check_and_in_its_language(place, language):
    for marketplace in MARKETPLACES:
        for channel in CHANNELS:
            found = notice(place, language, channel + marketplace)
            assert check_listing(found.text, language, channel + marketplace) == []
            assert detect(found.text) == language
            assert not FORBIDDEN.search(found.text) and not re.search(r"[{}]|  |\n", found.text)
            assert len(found.text) <= (200 if language in ("ja", "zh") else 480)
            assert (
                found.basis and found.source and found.caution and date(2000, 1, 1) < found.effective_from < date(2026, 12, 1)
            )


@pytest.mark.parametrize("place", Place)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_right_of_withdrawal_is_named_where_the_law_knows_it_and_only_there(place, language):
    for marketplace in MARKETPLACES:
        named = WITHDRAWAL[language] in notice(place, language, marketplace).text
        assert named == (marketplace not in ("us", "jp"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_listing_s_notice_leaves_size_and_colour_returnable(language):
    for marketplace in ("de", "jp"):
        text = notice("listing", language, marketplace).text
        assert re.search(
            r"size or colou?r|Größe oder Farbe|taille ou la couleur|talla o color|taglia o colore|サイズや色|尺寸、颜色", text
        )


def test_each_region_rests_on_its_own_rule():
    assert "2011/83/EU" in notice("listing", "de", "de").source and notice("listing", "de", "de").effective_from == date(
        2014, 6, 13
    )
    assert "SI 2013/3134" in notice("listing", "en", "uk").source
    assert "575308" in notice("listing", "en", "us").source and notice("listing", "en", "us").effective_from == date(
        2023, 2, 15
    )
    assert "第15条の3" in notice("listing", "ja", "jp").source


def test_the_channel_s_rules_are_said_where_they_count():
    assert "profile page" in notice("listing", "en", "us").caution
    assert "A+" in notice("listing", "de", "amazon.de").caution and "A+" not in notice("listing", "de", "etsy.de").caution
    assert "forbids order confirmations" in notice("confirmation", "fr", "fr").caution
    assert "forbids" not in notice("confirmation", "fr", "shop.fr").caution
    assert "24 hours" in notice("answer", "it", "it").caution and "R1" in notice("answer", "it", "ebay.it").caution
    assert "2026-09-27" in notice("listing", "es", "es").caution and "2026-09-27" not in notice("listing", "en", "uk").caution


# The check


def test_the_listings_cover_every_kind_in_every_language():
    assert len(LISTINGS) >= 60 and len({row["id"] for row in LISTINGS}) == len({row["text"] for row in LISTINGS}) == len(
        LISTINGS
    )
    for language in LANGUAGES:
        due = {kind for row in LISTINGS if row["language"] == language for kind in row["findings"]}
        assert due == {kind.value for kind in FindingKind}
        assert sum(row["language"] == language and not row["findings"] for row in LISTINGS) >= 10


def test_what_was_used_for_mending_is_read_right():
    counts = _counts(row for row in LISTINGS if row["batch"] < 7)
    assert counts["found"] / (counts["found"] + counts["false"]) >= 0.99
    assert counts["found"] / (counts["found"] + counts["missed"]) >= 0.99


def test_what_was_never_used_for_mending():
    unseen = [row for row in LISTINGS if row["batch"] == 7]
    counts = _counts(unseen)
    assert len(unseen) == 35 and counts["found"] + counts["missed"] == 28
    assert counts["found"] / (counts["found"] + counts["false"]) >= 0.85  # precision; 24 of 28
    assert counts["found"] / (counts["found"] + counts["missed"]) >= 0.85  # recall; 24 of 28
    for row in unseen:  # the kind may be mistaken; whether anything is wrong is not
        assert bool(_kinds(row["text"], row["language"], row["marketplace"])) == bool(row["findings"]), row["id"]


@pytest.mark.parametrize(
    "row", [r for r in LISTINGS if r["batch"] < 7 and r["findings"] == ["notice_missing"]], ids=lambda r: r["id"]
)
def test_adding_the_notice_mends_a_listing_that_lacks_it(row):
    text = row["text"] + "\n" + notice("listing", row["language"], row["marketplace"]).text
    assert _kinds(text, row["language"], row["marketplace"]) == set()


@pytest.mark.parametrize("row", [r for r in LISTINGS if "fault_remedy_missing" in r["findings"]], ids=lambda r: r["id"])
def test_adding_the_notice_says_that_faults_are_put_right(row):
    text = row["text"] + "\n" + notice("listing", row["language"], row["marketplace"]).text
    assert "fault_remedy_missing" not in _kinds(text, row["language"], row["marketplace"])


def test_a_good_notice_does_not_heal_a_refusal_without_limit():
    text = "Engraved flask. All sales are final! " + notice("listing", "en", "us").text
    assert _kinds(text, "en", "us") == {"absolute_refusal"}


def test_the_sentence_at_fault_is_quoted_with_what_to_do():
    found = check_listing("Engraved flask. All sales are final! Ships in two days.", "en", "us")
    assert [(f.kind, f.quote) for f in found] == [
        (FindingKind.ABSOLUTE_REFUSAL, "All sales are final!"),
        (FindingKind.FAULT_REMEDY_MISSING, ""),
    ]
    assert "change of mind" in found[0].advice and "faults are put right" in found[1].advice


def test_what_is_unlawful_in_the_eu_and_against_amazon_s_rules_may_be_a_shop_s_own_choice_elsewhere():
    plain = "Hand-thrown vase. We do not accept returns. Damaged vases are replaced."
    choice = "Scarf in eight colours, made to order and custom, so no returns. Damaged scarves are replaced."
    for marketplace in ("uk", "shop.uk", "etsy.ie", "us", "amazon.us"):
        assert _kinds(plain, "en", marketplace) == {"absolute_refusal"}
        assert _kinds(choice, "en", marketplace) == {"generic_option"}
    for marketplace in ("shop.us", "etsy.us", "ebay.jp"):
        assert _kinds(plain, "en", marketplace) == _kinds(choice, "en", marketplace) == set()


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (
            "en",
            "Mug with your name. Personalised mugs can't be returned; a mug damaged through misuse can't be refunded. Faulty ones we replace.",
        ),
        (
            "de",
            "Tasse mit Namen. Bei Nichtgefallen keine Rücknahme. Tippfehler in Ihrer Eingabe können wir nicht erstatten. Mängel beheben wir.",
        ),
        ("ja", "お名前入りマグ。お客様都合の返品はできません。お客様による破損の返品もできません。不良品は交換いたします。"),
        ("zh", "刻名字的杯子，不喜欢不能退。您填错的内容不能退换，人为损坏不予退款。质量问题包换。"),
    ],
)
def test_the_buyer_s_own_slip_may_be_refused(language, text):
    assert _kinds(text, language, "shop.us") == set()


def test_a_question_belongs_to_its_answer():
    listing = "Mug with your name, not returnable. Broken in the post? We send a new one."
    assert _kinds(listing, "en", "uk") == set()
    assert _kinds(listing.replace("We send a new one", "That happens"), "en", "uk") == {"fault_remedy_missing"}


def test_typography_makes_no_difference():
    text = "Tasse gravée à votre prénom. Elle n'est ni reprise ni échangée. S'il y a un défaut, nous la remplaçons."
    for variant in (text, text.replace("'", "’"), unicodedata.normalize("NFD", text), text.upper(), text.replace(". ", ".\n")):
        assert _kinds(variant, "fr", "fr") == set()


def test_a_listing_without_personalisation_needs_no_notice():
    assert check_listing("", "en", "uk") == []
    assert check_listing("Linen cushion cover in twelve colours and three sizes.", "en", "uk") == []
    assert check_listing("Custom cushion cover, twelve colours, three sizes.", "en", "uk") == []


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: notice("profile", "en", "us"), "place: found 'profile'; expected one of listing, confirmation, answer"),
        (lambda: notice("listing", "nl", "nl"), "language: found 'nl'"),
        (lambda: notice("listing", "en", "au"), "marketplace: found 'au'; expected one whose law was looked up (at, be, de,"),
        (lambda: notice("listing", "en", ""), "marketplace: found ''"),
        (lambda: notice("listing", "en", "temu.us"), "found channel 'temu' in 'temu.us'"),
        (lambda: check_listing("x", "EN", "us"), "language: found 'EN'"),
        (lambda: check_listing("x", "en", "amazon.com"), "found 'amazon.com'"),
    ],
)
def test_what_is_not_known_is_named(call, says):
    with pytest.raises(TemplateError) as error:
        call()
    assert says in str(error.value)
