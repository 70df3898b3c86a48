"""A person in front of the screen: goes to pages, reads, types; and what must not happen meanwhile is noted."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import TimeoutError, expect

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "src" / "triage_ml" / "data" / "sample" / "week.csv"
# Streamlit asks for these beside a page's address before it finds them at the root.
_ASKED_BESIDE = re.compile(r"/\w+/_stcore/(health|host-config)$")


class Visitor:
    """One browser session of one person."""

    def __init__(self, page, host):
        self.page, self._host, self._wrong = page, host, []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self._wrong.append(f"error on the page: {error}"))
        page.on("dialog", self._dialog)
        page.context.on("request", self._request)

    def _console(self, message):
        if message.type == "error" and not _ASKED_BESIDE.search(urlsplit(message.location.get("url", "")).path):
            self._wrong.append(f"console: {message.text} {message.location.get('url', '')}")

    def _dialog(self, dialog):
        self._wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request):
        url = urlsplit(request.url)
        if url.scheme not in ("data", "blob") and url.netloc != self._host:
            self._wrong.append(f"asked of another host: {request.url}")

    def wrong(self):
        """Return what went wrong so far."""
        ran = ["a text ran as a script"] if self.page.evaluate("'ran' in window") else []
        # Only Streamlit itself draws an alert: where the page ended with an error that nobody foresaw.
        ended = [f"the page ended: {alert}" for alert in self.page.get_by_role("alert").all_inner_texts()]
        return [*self._wrong, *ran, *ended]

    # --- going about

    def is_called(self, person):
        """Say who one is."""
        field = self.keyed("person").get_by_role("textbox")
        expect(field).to_be_visible()
        if field.input_value() != person:
            field.fill(person)
            field.blur()  # else the keys would write the name on
        self.settled()

    def go(self, page):
        """Go to a page by its name in the side bar."""
        self.page.get_by_test_id("stSidebarNav").get_by_role("link", name=page, exact=True).click()
        self.settled()

    def speaks(self, language):
        """Choose the language of the screen."""
        self.keyed("language").get_by_role("radio", name=language).click()
        self.settled()

    def settled(self):
        """Wait until the server has drawn everything."""
        app = self.page.get_by_test_id("stApp")
        # What was just done reaches the page's state with the next frame.
        self.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        expect(app).to_have_attribute("data-test-script-state", "notRunning")
        expect(self.page.locator("[data-stale=true]")).to_have_count(0)

    def chooses(self, key, option):
        """Choose from a list by writing what is wanted; a long list is not drawn whole."""
        field, found = self.keyed(key).get_by_role("combobox"), self.page.get_by_role("option", name=option, exact=True)
        self.settled()
        for _ in range(10):  # a chart that grows above moves the field, and that closes the list
            field.scroll_into_view_if_needed()
            field.fill("")
            field.fill(option)
            try:
                found.click(timeout=3_000)
            except TimeoutError:
                continue
            break
        expect(field).to_have_value(option)
        self.settled()

    def presses(self, key):
        """Press a key once everything is drawn: before, its button may not be there."""
        self.settled()
        self.page.keyboard.press(key)

    def writes(self, text):
        """Let this be the reply."""
        self.settled()
        self.reply().fill(text)

    def starts(self):
        """Begin with the first case of the inbox, by key."""
        expect(self.keyed("start").get_by_role("button")).to_be_enabled()
        self.page.get_by_role("heading", level=1).click()  # in a field a key is a letter
        self.presses("n")
        expect(self.reply()).not_to_have_value("")
        self.settled()

    def drop(self, name, content):
        """Drop a file on the inbox and have it imported."""
        place = self.page.get_by_test_id("stFileUploaderDropzone")
        self.settled()
        if not place.is_visible():
            self.page.get_by_text("Import messages").click()
            expect(place).to_be_visible()
        file = self.page.evaluate_handle(
            """([name, content]) => {
                const dropped = new DataTransfer();
                dropped.items.add(new File([content], name, {type: "text/csv"}));
                return dropped;
            }""",
            [name, content],
        )
        for happens in ("dragenter", "dragover", "drop"):
            place.dispatch_event(happens, {"dataTransfer": file})
        self.keyed("import").get_by_role("button", disabled=False).click()

    # --- reading

    def keyed(self, key):
        """Return the element with this key, or whose key begins with it and names a case after it."""
        return self.page.locator(f".st-key-{key}, [class*=' st-key-{key}-C-']")

    def case(self):
        """Return the title of the case on the screen."""
        return self.page.locator("h3").filter(has_text=re.compile(r"^C-\d+")).first

    def case_id(self):
        """Return the number of the case on the screen."""
        return re.search(r"C-\d+", self.case().inner_text())[0]

    def reply(self):
        """Return the field with the reply."""
        return self.page.locator("[class*='st-key-text-'][data-stale=false] textarea")

    def note(self, words):
        """Return the note that says something."""
        return self.page.locator(".note").filter(has_text=words)
