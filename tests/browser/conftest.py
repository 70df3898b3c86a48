"""The screen in a real browser: Debian's Chromium, driven by Playwright, on a server and a record of its own.

Whatever a test does, it fails where the browser's console has an error, a dialog opens, a text of a buyer runs as a script,
anything is asked of another host, or the server's log has a traceback.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from visitor import ROOT, Visitor

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
# A machine that does other things too takes its time; nothing waits longer than it must.
PATIENCE = 60_000


def pytest_collection_modifyitems(items):
    """Without a browser these tests say so; where TRIAGE_BROWSER is "required", as in CI, they fail instead."""
    if CHROMIUM or os.environ.get("TRIAGE_BROWSER") == "required":
        return
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="no Chromium here; on Debian: apt-get install chromium fonts-noto-cjk"))


@pytest.fixture(scope="module")
def chromium():
    """The running browser; one at a time, since Playwright allows no two drivers in a process."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def own_home(tmp_path_factory):
    """What the server keeps."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def served_model(model_folder):
    """The model that the server uses."""
    return model_folder


@pytest.fixture(scope="module")
def address(own_home, served_model):
    """A server of the screen on an empty record; its log must have no traceback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRIAGE_", "STREAMLIT_"))}
    environment = {**kept, "TRIAGE_HOME": str(own_home), "TRIAGE_MODEL": str(served_model)}
    command = [
        sys.executable, "-m", "streamlit", "run", "app/main.py", "--server.headless", "true", "--server.port", str(port),
        "--server.fileWatcherType", "none",
    ]  # fmt: skip
    log = own_home / "server.log"
    with log.open("w") as said:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=said, stderr=subprocess.STDOUT)
    try:
        _wait_until_up(f"http://localhost:{port}/_stcore/health", server, log)
        yield f"http://localhost:{port}"
    finally:
        server.terminate()
        server.wait(20)
    assert "Traceback" not in log.read_text("utf-8"), log.read_text("utf-8")


def _wait_until_up(url, server, log):
    for _ in range(300):
        assert server.poll() is None, f"the server ended: {log.read_text('utf-8')}"
        try:
            with urlopen(url) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    pytest.fail("the server did not come up within a minute")


@pytest.fixture
def visit(chromium, address):
    """Let people visit the screen, each in a browser session of their own; what went wrong on the way fails the test."""
    visitors = []

    def come(person="Mia", path="/", scheme="light", width=1280):
        context = chromium.new_context(
            locale="en-US", viewport={"width": width, "height": 800}, accept_downloads=True, color_scheme=scheme
        )
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
        context.set_default_timeout(PATIENCE)
        visitor = Visitor(context.new_page(), urlsplit(address).netloc)
        visitors.append(visitor)
        visitor.page.goto(address + path)
        visitor.is_called(person)
        return visitor

    yield come
    wrong = [line for visitor in visitors for line in visitor.wrong()]
    for visitor in visitors:
        visitor.page.context.close()
    assert not wrong, wrong
