"""How fast the review screen is in a real browser: python benchmarks/screen.py [--cases 100000] [--record FOLDER].

Fills a record with that many open cases, starts the server with the shipped model, and measures in Chromium what a person waits
for: the next case after a decision, the inbox, a filter, the next page, a search. Then counts the keys and clicks that a
decision needs, by doing it. `--record` keeps the record in a folder, and uses it again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from cases import assessments
from playwright.sync_api import Browser, Page, expect, sync_playwright

from triage_ml.cases import CaseState, CaseStore, Filter

ROOT = Path(__file__).parents[1]
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_PATIENCE = 120_000
_TIMES = 10
# The reply is there once its field, of this case and drawn by this run, has a text.
_REPLY = "[class*='st-key-text-'][class*='{case}'][data-stale=false] textarea"
_WORDS = ("broken", "Anna", "kaputt", "refund", "photo")


# --- the record and the server


def fill(record: Path, cases: int) -> int:
    """Fill a record with open cases, where it has fewer, and return how many there are."""
    with CaseStore.open(record) as store:
        there, first = _open_cases(store), 0
        while there < cases:
            # Five messages come to two orders, and some are no open case.
            count = max(500, (cases - there) * 5 // 2)
            start = time.perf_counter()
            done = store.record(assessments(count, first), "benchmark")
            first += count
            there = _open_cases(store)
            if done.messages:
                print(f"{done.messages:,} messages in {time.perf_counter() - start:,.0f} s, {there:,} open cases", flush=True)
        return there


def _open_cases(store: CaseStore) -> int:
    return store.counts(Filter(state=CaseState.OPEN)).total


@contextmanager
def served(home: Path, model: Path) -> Iterator[str]:
    """Run the server, and yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app/main.py", "--server.headless", "true", "--server.port", str(port)]
    environment = {**os.environ, "TRIAGE_HOME": str(home), "TRIAGE_MODEL": str(model)}
    environment.pop("TRIAGE_DATABASE_URL", None)
    with (home / "server.log").open("w") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_until_up(f"http://localhost:{port}/_stcore/health", server)
        yield f"http://localhost:{port}"
    finally:
        server.terminate()
        server.wait(30)
    if "Traceback" in (log := (home / "server.log").read_text("utf-8")):
        sys.exit(f"The server had an error:\n{log[-3000:]}")


def _wait_until_up(url: str, server: subprocess.Popen[bytes]) -> None:
    while server.poll() is None:
        try:
            with urlopen(url):
                return
        except OSError:
            time.sleep(0.2)
    sys.exit("The server ended. Look into server.log in the record's folder.")


# --- what a person does and waits for


@dataclass
class Person:
    """Somebody at the screen, whose keys and clicks are counted."""

    page: Page
    done: list[str] = field(default_factory=list)

    def press(self, key: str) -> None:
        """Press a key, or several at once."""
        self.done.append(key)
        self.page.keyboard.press(key)

    def write(self, text: str) -> None:
        """Type a text; each letter is a key."""
        self.done += text
        self.page.keyboard.type(text)

    def click(self, selector: str) -> None:
        """Click something."""
        self.done.append("click")
        self.page.locator(selector).click()

    def case(self) -> str:
        """Return the number of the case on the screen."""
        return self.page.locator("h3", has_text="C-").first.inner_text().split()[0]

    def at_rest(self) -> None:
        """Wait until the server has drawn everything."""
        expect(self.page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        expect(self.page.locator("[data-stale=true]")).to_have_count(0)

    def reply_of_next(self, before: str) -> None:
        """Wait until another case is on the screen, its reply in the field."""
        expect(self.page.locator("h3", has_text="C-").first).not_to_contain_text(before)
        expect(self.page.locator(_REPLY.format(case=self.case()))).not_to_have_value("")


def seconds(do: Callable[[], object], seen: Callable[[], object]) -> float:
    """Return how long it takes from doing something until it is seen."""
    start = time.perf_counter()
    do()
    seen()
    return time.perf_counter() - start


def begin(person: Person) -> None:
    """Open the first case of the inbox."""
    expect(person.page.locator(".st-key-start button")).to_be_enabled()
    person.at_rest()
    person.press("n")
    expect(person.page.locator(_REPLY.format(case="C-"))).not_to_have_value("")
    person.at_rest()


def decide(person: Person, decisions: int) -> tuple[list[float], int]:
    """Decide one case after another as suggested; return the times to the next one, and how many suggestions were not taken.

    A case that the check or a second person holds back is skipped.
    """
    times, held_back = [], 0
    while len(times) < decisions:
        before = person.case()
        told = person.page.locator(".note.bad")
        moved = person.page.locator("h3", has_text="C-").first.filter(has_not_text=before)
        start = time.perf_counter()
        person.press("Control+Enter")
        expect(moved.or_(told).first).to_be_visible()
        if told.count():
            held_back += 1
            person.at_rest()
            person.press("s")
            person.reply_of_next(before)
        else:
            person.reply_of_next(before)
            times.append(time.perf_counter() - start)
        person.at_rest()
    return times, held_back


def inbox_times(browser: Browser, address: str) -> dict[str, list[float]]:
    """Measure the inbox: first drawn, a filter, the next page, a search."""
    found: dict[str, list[float]] = {name: [] for name in ("inbox, first drawn", "filter by category", "next page", "search")}
    for number in range(_TIMES):
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(_PATIENCE)
        person, rows = Person(page), page.locator(".row:not(.head)")
        found["inbox, first drawn"].append(seconds(lambda page=page: page.goto(address), rows.first.wait_for))
        person.at_rest()
        category = page.locator(".st-key-filter-category").get_by_role("radio").nth(number % 4)
        name = " ".join(category.inner_text().split()[:-1])
        others = rows.filter(has=page.locator(".category").filter(has_not_text=name))
        found["filter by category"].append(seconds(category.click, lambda others=others: expect(others).to_have_count(0)))
        person.at_rest()
        turned = page.get_by_text("Page 2 of")
        found["next page"].append(seconds(page.locator(".st-key-next button").click, turned.wait_for))
        person.at_rest()
        field = page.locator(".st-key-search input")
        field.fill(_WORDS[number % len(_WORDS)])
        hits = page.get_by_text("found in all cases")
        found["search"].append(seconds(lambda field=field: field.press("Enter"), hits.wait_for))
        page.close()
    return found


def effort(person: Person) -> dict[str, str]:
    """Count keys and clicks of an accepted suggestion and of an edited one, from the case being there to the next one."""
    counted = {}
    _accepted(person)
    counted["accepted suggestion"] = _told(person.done)
    before = person.case()
    person.done.clear()
    person.click(_REPLY.format(case=before))
    person.press("Control+End")
    person.write("\nBest wishes, Mia")
    person.press("Control+Enter")
    person.reply_of_next(before)
    counted["edited by a line of 17 signs"] = _told(person.done)
    return counted


def _accepted(person: Person) -> None:
    """Copy and decide until a case lets itself be decided as suggested; only the keys of that one stay counted."""
    while True:
        before, told = person.case(), person.page.locator(".note.bad")
        person.done.clear()
        person.press("y")
        expect(person.page.get_by_role("button", name="Copied")).to_be_visible()
        person.press("Control+Enter")
        expect(person.page.locator("h3", has_text="C-").first.filter(has_not_text=before).or_(told).first).to_be_visible()
        if not told.count():
            person.reply_of_next(before)
            person.at_rest()
            return
        person.at_rest()
        person.page.keyboard.press("s")
        person.reply_of_next(before)
        person.at_rest()


def _told(done: list[str]) -> str:
    keys = [key for key in done if key != "click"]
    named = [key for key in keys if len(key) > 1 or len(keys) == len(done)]
    return f"{len(keys)} keys, {len(done) - len(keys)} clicks ({', '.join(named)})"


# --- the table


def table(found: dict[str, list[float]]) -> None:
    """Print median and 95th percentile of each."""
    print(f"{'':34}{'times':>6}{'median':>10}{'95th':>10}")
    for name, times in found.items():
        ranked = sorted(times)
        late = ranked[min(len(ranked) - 1, round(0.95 * (len(ranked) - 1)))]
        print(f"{name:34}{len(times):>6}{statistics.median(times) * 1000:>7,.0f} ms{late * 1000:>7,.0f} ms")


def measure(home: Path, model: Path, decisions: int) -> None:
    """Measure everything in one browser."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("There is no Chromium. On Debian: apt-get install chromium fonts-noto-cjk")
    expect.set_options(timeout=_PATIENCE)
    with served(home, model) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        context = browser.new_context(
            viewport={"width": 1280, "height": 800}, permissions=["clipboard-read", "clipboard-write"]
        )
        context.set_default_timeout(_PATIENCE)
        person = Person(context.new_page())
        cold = seconds(lambda: person.page.goto(address), person.page.locator(".row:not(.head)").first.wait_for)
        begin(person)
        decide(person, 2)  # the first ones load the model
        times, held_back = decide(person, decisions)
        counted = effort(person)
        found = {"decide to next case with its reply": times, **inbox_times(browser, address)}
        browser.close()
    table(found)
    print(f"inbox of a server just started: {cold:.1f} s; held back by the check or for a second person: {held_back}")
    for name, told in counted.items():
        print(f"{name}: {told}")


def main() -> None:
    """Fill, serve, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--decisions", type=int, default=40)
    parser.add_argument("--record", type=Path, help="a folder for the record; what is in it is used again")
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "default")
    options = parser.parse_args()
    with TemporaryDirectory() as thrown_away:
        home = (options.record or Path(thrown_away)).absolute()
        home.mkdir(parents=True, exist_ok=True)
        # The record is filled and served with the shipped policy and templates.
        os.environ["TRIAGE_HOME"] = str(home)
        there = fill(home / "cases.db", options.cases)
        print(f"{there:,} open cases, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
        measure(home, options.model, options.decisions)


if __name__ == "__main__":
    main()
