"""The screen in a real browser behind a small proxy of our own, and called by a name that is not this machine's."""

import os
import shutil
import socket
import subprocess
import sys
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from urllib.error import URLError
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def free_port():
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def proxy(target, *lines):
    """Stand in front of a server: every connection's first request gets some header lines, the rest goes through."""
    door = socket.create_server(("127.0.0.1", 0))

    def accept():
        with suppress(OSError):  # the door was closed
            while True:
                client, _ = door.accept()
                Thread(target=pass_on, args=(client, target, lines), daemon=True).start()

    Thread(target=accept, daemon=True).start()
    try:
        yield door.getsockname()[1]
    finally:
        door.close()


def pass_on(client, target, lines):
    with client, suppress(OSError), socket.create_connection(("127.0.0.1", target)) as server:
        head = b""
        while b"\r\n\r\n" not in head and (data := client.recv(65536)):
            head += data
        first, _, rest = head.partition(b"\r\n")
        if b"Upgrade: websocket" not in rest:  # one request for each connection, so that each gets the header
            rest = rest.replace(b"Connection: keep-alive", b"Connection: close")
        server.sendall(b"\r\n".join([first, *(line.encode() for line in lines), rest]))
        back = Thread(target=copy, args=(server, client), daemon=True)
        back.start()
        copy(client, server)
        back.join(60)


def copy(source, sink):
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


@contextmanager
def server(**surroundings):
    """Run the screen as `triage-ml review` does."""
    port = free_port()
    flags = ["--server.port", str(port), "--server.headless", "true", "--server.fileWatcherType", "none"]
    running = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "app/main.py", *flags], cwd=ROOT, env={**os.environ, **surroundings},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        begun = monotonic()
        while monotonic() - begun < 180:
            try:
                with urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5):
                    break
            except (URLError, OSError):
                sleep(0.5)
        yield port
    finally:
        running.terminate()
        running.wait(60)


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    flags = [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP triage.example 127.0.0.1",
    ]  # fmt: skip
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield opened
        opened.close()


def page_at(browser, address):
    page = browser.new_context(locale="en-US").new_page()
    page.set_default_timeout(180_000)
    page.goto(address)
    return page


EXPORT = "order_id,amount,currency,channel,text\n305-1-1,24.90,EUR,amazon,The handle broke off after two days.\n"


def test_behind_a_proxy_the_header_says_who_it_is_and_uploads_go_through(browser, record, tmp_path):
    """At another name than localhost, with XSRF and CORS protection on, as a team would use it."""
    place = tmp_path / "roles.toml"
    place.write_text('default = "none"\n[people]\n"mei@shop.example" = "admin"')
    with server(TRIAGE_USER_HEADER="X-Forwarded-Email", TRIAGE_ROLES=str(place)) as port:
        with proxy(port, "X-Forwarded-Email: mei@shop.example") as front:
            page = page_at(browser, f"http://triage.example:{front}/")
            page.get_by_text("Logged in as mei@shop.example (admin)").wait_for()
            page.locator("input[type=file]").set_input_files(
                {"name": "week.csv", "mimeType": "text/csv", "buffer": EXPORT.encode()}
            )
            page.locator(".st-key-import button:enabled").click()
            page.get_by_text("1 new messages, 1 new cases").wait_for()
            (case,) = record.walk()
            assert record.case(case.id).entries[0].by == "mei@shop.example"
        with proxy(port, "X-Forwarded-Email: eve@shop.example") as front:
            page_at(browser, f"http://triage.example:{front}/").get_by_text("who has no role here").wait_for()
        # A visitor's own header beside the proxy's: one of them is not the proxy's.
        with proxy(port, "X-Forwarded-Email: mei@shop.example", "x-forwarded-email: eve@shop.example") as front:
            page_at(browser, f"http://triage.example:{front}/").get_by_text("did not say who you are").wait_for()
        page = page_at(browser, f"http://localhost:{port}/")
        page.get_by_text("did not say who you are").wait_for()
        assert page.locator("[data-testid=stSidebarNavLink]").count() == 0


def test_alone_another_name_than_this_machines_leads_to_nothing(browser):
    """A page in the same browser could give its own name this machine's address, and read every case."""
    with server() as port:
        page_at(browser, f"http://localhost:{port}/").get_by_text("Import messages").first.wait_for()
        page_at(browser, f"http://triage.example:{port}/").get_by_text("Without a login").wait_for()
