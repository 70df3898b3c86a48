"""What the case record can bear: python benchmarks/cases.py [--messages 1000000] [--kills 50] [--url postgresql://...].

Imports that many messages (texts of the training corpus, five messages to two orders), then lists, searches and opens cases;
then changes single bytes of the exported ledger and of the rows; then kills importing and deciding programs at random moments
and looks whether anything that was in is lost. Writes one line for each figure.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import text

from triage_ml.cases import CaseState, CaseStore, Decision, Filter, Order
from triage_ml.cases.database import reading, writing
from triage_ml.cases.verify_chain import check_chain
from triage_ml.classifier import FixedClassifier
from triage_ml.corpus import load_corpus
from triage_ml.messages import Category, Claim, Message, Money, OrderLine
from triage_ml.policy import load_policy
from triage_ml.replies.library import load_templates
from triage_ml.replies.ranker import ReplyRanker
from triage_ml.triage import Assessment, Triage

CORPUS = Path(__file__).parents[1] / "training" / "corpus"
_TEXTS = 2_000
_PRODUCTS = [f"{kind}-{size}" for kind in ("MUG", "FRAME", "NECK", "SIGN", "WATCH") for size in range(40)]
_PRICES = [Decimal(cents) / 100 for cents in range(990, 12_000, 170)]
_START = datetime(2026, 3, 1, tzinfo=UTC)


def _models(count: int = _TEXTS) -> list[Assessment]:
    """Assess some texts, so that resolutions and cues are real; the import then varies order and time."""
    chance, policy, found = random.Random(1), load_policy(), []
    ranker, rows = ReplyRanker(load_templates(), policy), load_corpus(CORPUS)
    chosen = chance.sample(rows, count)
    for start in range(0, count, 50):
        judge = FixedClassifier(chance.choice(list(Claim)), chance.uniform(0.4, 0.99), chance.choice([0.01, 0.02, 0.1, 0.9]))
        order = OrderLine("x", chance.choice(_PRODUCTS), "Gift", Money(chance.choice(_PRICES), "EUR"), 1, "de")
        sent_at = [_START + timedelta(minutes=chance.randrange(60 * 24 * 60)) for _ in range(50)]
        messages = [
            Message(f"m{start + n}", row.text, order, channel="amazon", sent_at=at)
            for n, (row, at) in enumerate(zip(chosen[start : start + 50], sent_at, strict=True))
        ]
        found += Triage(judge, policy, ranker).assess_many(messages)
    return found


def assessments(count: int, first: int = 0, texts: int = _TEXTS) -> Iterator[Assessment]:
    """Yield messages that differ in id, order, product, price and buyer."""
    models = _models(texts)
    for number in range(first, first + count):
        model = models[number % len(models)]
        deal = number * 2 // 5
        order = OrderLine(
            f"{deal % 1000:03}-{deal // 1000:07}-{deal % 9_999_991:07}", _PRODUCTS[deal * 7 % len(_PRODUCTS)], "Gift",
            Money(_PRICES[deal * 3 % len(_PRICES)], "EUR"), 1, "de", None, True, f"For Anna {deal}",
        )  # fmt: skip
        sender = f"b{deal // 3:09}@marketplace.amazon.de"
        message = replace(model.message, message_id=f"mail-{number}@x", order=order, sender=sender)
        yield replace(model, message=message)


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _say(what: str, figure: object) -> None:
    print(f"{what}: {figure}", flush=True)


def measure_import(store: CaseStore, count: int) -> None:
    """Import, and say how fast and in how much memory."""
    source = assessments(count)
    ahead = list(islice(source, 2_000))
    store.record(ahead, "benchmark")
    before, start = _megabytes(), time.perf_counter()
    done = store.record(source, "benchmark", progress=_progress(count))
    seconds = time.perf_counter() - start
    _say("messages imported", f"{count:,} in {seconds:,.0f} s, {done.messages / seconds:,.0f} a second")
    _say("memory", f"{before:,.0f} MB after 2,000 messages, {_megabytes():,.0f} MB after all")
    if store.engine.dialect.name == "sqlite":
        size = sum(path.stat().st_size for path in Path(str(store.engine.url.database)).parent.glob("*.db*"))
        _say("database", f"{size / 2**20:,.0f} MB, {size / count:,.0f} bytes a message")
    start = time.perf_counter()
    again = store.record(assessments(min(count, 20_000)), "benchmark")
    _say(
        "imported again",
        f"{again.known:,} known, {again.messages} new, {again.known / (time.perf_counter() - start):,.0f} a second",
    )


def _progress(count: int) -> Callable[[object], None]:
    begun, shown = time.perf_counter(), [0]

    def tell(done: object) -> None:
        messages = getattr(done, "messages", 0)
        if messages - shown[0] >= 100_000:
            shown[0] = messages
            _say("  so far", f"{messages:,} of {count:,} in {time.perf_counter() - begun:,.0f} s, {_megabytes():,.0f} MB")

    return tell


def measure_reading(store: CaseStore) -> None:
    """List, search and open, and say how long the slowest and the middle one take."""
    chance = random.Random(2)
    last = sum(1 for _ in store.walk()) and max(case.id for case in store.cases(order=Order.NEWEST, limit=500).cases)
    names = [case.id for case in store.cases(Filter(sku="MUG-7"), Order.NEWEST, limit=200).cases]
    listings: dict[str, Callable[[], object]] = {}
    for order in Order:
        listings[f"list by {order.value}"] = lambda order=order: store.cases(order=order)
        listings[f"list open by {order.value}"] = lambda order=order: store.cases(Filter(state=CaseState.OPEN), order)
        where = Filter(state=CaseState.OPEN, category=Category.ABUSE)
        listings[f"list open abuse by {order.value}"] = lambda order=order, where=where: store.cases(where, order)
        rare = Filter(state=CaseState.OPEN, category=Category.NEEDS_REVIEW)
        listings[f"list open, none fits, by {order.value}"] = lambda order=order, rare=rare: store.cases(rare, order)
        some = Filter(state=CaseState.OPEN, sku="SIGN-3")
        listings[f"list open of one SKU by {order.value}"] = lambda order=order, some=some: store.cases(some, order)
        listings[f"list one SKU by {order.value}"] = lambda order=order: store.cases(Filter(sku="SIGN-3"), order)
        page = store.cases(Filter(state=CaseState.OPEN), order, limit=500)
        for _ in range(5):
            page = store.cases(Filter(state=CaseState.OPEN), order, page.next, limit=500) if page.next else page
        listings[f"list page 60 by {order.value}"] = lambda order=order, mark=page.next: store.cases(
            Filter(state=CaseState.OPEN), order, mark
        )
    for words in (
        "broken",
        "Anna",
        "zerbrochen",
        "破损",
        "割れ",
        "kaputt geliefert",
        "quetzalcoatl",
        "123-0000400",
        "refund money",
    ):
        listings[f"search {words!r}"] = lambda words=words: store.search(words)
    listings["open a case"] = lambda: store.case(chance.choice(names))
    slowest = 0.0
    for name, call in listings.items():
        times = []
        for _ in range(7):
            start = time.perf_counter()
            call()
            times.append((time.perf_counter() - start) * 1000)
        slowest = max(slowest, *times[1:])
        _say(name, f"{statistics.median(times):.1f} ms, first {times[0]:.1f} ms, slowest {max(times):.1f} ms")
    _say("slowest of all but the first calls", f"{slowest:.1f} ms (newest listed: {last})")


def measure_verifying(store: CaseStore) -> None:
    """Verify the whole record and export it."""
    start = time.perf_counter()
    checked = store.verify([store.checkpoint()])
    seconds = time.perf_counter() - start
    _say(
        "verified", f"{checked.entries:,} entries in {seconds:,.1f} s, findings {len(checked.findings)}, {_megabytes():,.0f} MB"
    )


def measure_tampering(folder: Path, url: str | None, changes: int = 200) -> None:
    """Change single bytes of an export and of rows, one at a time, and count what is found."""
    chance = random.Random(3)
    with CaseStore.open(url or folder / "tampered.db") as store:
        store.record(assessments(300), "benchmark")
        file = BytesIO()
        store.export_ledger(file)
        data, found = file.getvalue(), 0
        for _ in range(changes):
            place = chance.randrange(len(data))
            wrong = data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :]
            found += bool(list(check_chain(iter(BytesIO(wrong)), {})))
        _say("single bytes changed in the export", f"{found} of {changes} found")
        found = sum(_tamper(store, chance) for _ in range(changes))
        _say("single characters changed in rows", f"{found} of {changes} found, whole after: {store.verify().ok}")


_TARGETS = {
    "ledger": ("seq", "at by kind case_id facts commitment previous hash".split()),
    "personal": ("seq", ["payload"]),
    "messages": ("id", "fingerprint direction kind channel source_file".split()),
    "predictions": ("id", "model policy language claim category".split()),
}


def _tamper(store: CaseStore, chance: random.Random) -> bool:
    """Change one character of one row, look whether it is found, and put it back."""
    table = chance.choice(["ledger", "ledger", *_TARGETS])
    key, columns = _TARGETS[table]
    column = chance.choice(columns)
    with reading(store.engine) as connection:
        query = text(f'SELECT {key}, "{column}" FROM {table} WHERE "{column}" <> \'\' ORDER BY {key}')
        rows = connection.execute(query).all()
    if not rows:
        return _tamper(store, chance)
    number, value = chance.choice(rows)
    place = chance.randrange(len(value))
    letter = chance.choice([one for one in '0123456789abcdefghijklmnopqrstuvwxyz,:{}"' if one != value[place]])
    _set(store, table, column, key, number, value[:place] + letter + value[place + 1 :])
    found = not store.verify().ok
    _set(store, table, column, key, number, value)
    return found


def _set(store: CaseStore, table: str, column: str, key: str, number: int, value: str) -> None:
    with writing(store.engine) as connection:
        if connection.dialect.name == "sqlite":
            for name in ("ledger_no_update", "ledger_no_delete", "personal_before", "personal_after"):
                connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
        else:
            connection.execute(text("ALTER TABLE ledger DISABLE TRIGGER USER"))
            connection.execute(text("ALTER TABLE personal DROP COLUMN IF EXISTS words"))
        connection.execute(text(f'UPDATE {table} SET "{column}" = :value WHERE {key} = :key'), {"value": value, "key": number})


def measure_kills(url: str, kills: int) -> None:
    """Kill a program that imports and decides, again and again; what it said was in must be in."""
    chance, lost, damaged = random.Random(4), 0, 0
    CaseStore.open(url).close()
    for _ in range(kills):
        child = subprocess.Popen([sys.executable, __file__, "--child", "--url", url], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(chance.uniform(0.0, 2.0))
        child.send_signal(signal.SIGKILL)
        said = child.communicate()[0].splitlines()
        with CaseStore.open(url) as store:
            for line in said:
                kind, _, rest = line.partition(" ")
                lost += not _is_in(store, kind, rest)
            damaged += not store.verify().ok
    with CaseStore.open(url) as store:
        entries = store.verify().entries
    _say("programs killed", f"{kills}, with {entries:,} entries in at the end: {lost} lost, chain damaged {damaged} times")


def _is_in(store: CaseStore, kind: str, rest: str) -> bool:
    if kind == "messages":
        with reading(store.engine) as connection:
            return int(connection.execute(text("SELECT count(*) FROM messages")).scalar() or 0) >= int(rest)
    case_id, _, version = rest.partition(" ")
    return (
        not rest
        or any(entry.kind == "decision" for entry in store.case(case_id).entries)
        and store.case(case_id).version >= int(version)
    )


def child(url: str) -> None:
    """Import in small chunks and decide in between, and say on stdout what is in."""
    with CaseStore.open(url) as store:
        with reading(store.engine) as connection:
            first = int(connection.execute(text("SELECT count(*) FROM messages")).scalar() or 0)
        source = assessments(1_000_000, first, 50)
        some = list(islice(source, 64))
        _child_says("ready")
        while some:
            first += store.record(some, "child").messages
            _child_says(f"messages {first}")
            for case in store.cases(Filter(state=CaseState.OPEN), Order.NEWEST, limit=3).cases:
                decision = Decision("Mia", Category.QUALITY, "remake", final_text="We make it again.", second_person="Tom")
                version = store.decide(case.id, case.version, decision)
                _child_says(f"decided {case.id} {version}")
            some = list(islice(source, 64))


def _child_says(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--url", help="an empty database; without it SQLite in a folder that is thrown away")
    parser.add_argument("--folder", type=Path, help="where SQLite's file goes, to keep it")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.url)
        return
    with TemporaryDirectory() as thrown_away:
        folder = options.folder or Path(thrown_away)
        os.environ.setdefault("TRIAGE_HOME", str(folder))
        if options.messages:
            with CaseStore.open(options.url or folder / "cases.db") as store:
                measure_import(store, options.messages)
                measure_reading(store)
                measure_verifying(store)
        if not options.url:
            measure_tampering(folder, None)
        if options.kills:
            measure_kills(options.url or str(folder / "killed.db"), options.kills)


if __name__ == "__main__":
    main()
