"""Who comes in, who they are, and what they may do: alone, behind a login, behind a proxy."""

import shutil
from pathlib import Path
from time import sleep

import pytest
from reading import button, has_button, text_of

import roles
from roles import Access, Role, RolesFileError, Way, granted, read_roles

APP = Path(__file__).parents[2] / "app"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in ("TRIAGE_ROLES", "TRIAGE_USER_HEADER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def roles_toml(tmp_path):
    """Write the file of roles where the screen looks for it."""

    def write(text):
        place = tmp_path / "home" / "roles.toml"
        place.parent.mkdir(exist_ok=True)
        place.write_text(text, "utf-8")
        return place

    return write


@pytest.fixture
def visit():
    """Open the screen with what the login's provider says of the visitor."""
    from streamlit.testing.v1 import AppTest

    def start(language="en", page="", app=APP, **user):
        at = AppTest.from_file(str(app / "main.py"), default_timeout=120)
        at.session_state["language"] = language
        at.user, at.secrets = user, {"auth": {"client_id": "x"}}
        at.run()
        if page:
            at.switch_page(f"{page}/page.py").run()
        assert not at.exception, at.exception
        return at

    return start


def logged_in(email, **more):
    return {"is_logged_in": True, "email": email, **more}


# --- the file


FILE = """
default = "agent"
[people]
"Mei@Shop.example" = "admin"
"@partner.example" = "reviewer"
"noah@partner.example" = "none"
"""


@pytest.mark.parametrize(
    ("person", "role"),
    [
        ("mei@shop.example", Role.ADMIN), ("MEI@shop.EXAMPLE", Role.ADMIN), ("lin@partner.example", Role.REVIEWER),
        ("noah@partner.example", None), ("lin@shop.example", Role.AGENT), ("partner.example", Role.AGENT),
        ("eve@partner.example@evil.example", Role.AGENT), ("lin@sub.partner.example", Role.AGENT),
    ],
)  # fmt: skip
def test_a_person_counts_before_a_domain_and_a_domain_before_the_rest(roles_toml, person, role):
    found = read_roles(roles_toml(FILE))
    assert found.of(person) is role and found.has_admin


def test_an_empty_file_names_no_admin():
    assert not read_roles_of("").has_admin


def read_roles_of(text):
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        place = Path(folder) / "roles.toml"
        place.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_roles(place)


@pytest.mark.parametrize(
    ("text", "why", "named"),
    [
        ('default = "boss"', "roles.bad_role", "boss"),
        ('[people]\n"mei@shop.example" = "Admn"', "roles.bad_role", "Admn"),
        ('[people]\n"mei@shop.example" = 3', "roles.bad_role", "3"),
        ('[peoples]\n"mei@shop.example" = "admin"', "roles.bad_key", "peoples"),
        ('people = "mei@shop.example"', "roles.bad_key", "people"),
        ("[people", "roles.bad_file", "declaration"),
        (b"\xff\xfe\x00", "roles.bad_file", "utf-8"),
    ],
)
def test_a_file_that_cannot_be_used_names_what_is_wrong(text, why, named):
    with pytest.raises(RolesFileError) as caught:
        read_roles_of(text)
    assert caught.value.why == why and named in str(caught.value.facts)


def test_a_folder_in_its_place_is_no_reason_to_let_everybody_do_everything(monkeypatch, tmp_path):
    monkeypatch.setenv("TRIAGE_ROLES", str(tmp_path))
    assert granted("mei@shop.example", Way.HEADER).role is Role.AGENT
    assert granted("mei@shop.example", Way.LOGIN).role is None


@pytest.mark.parametrize(
    ("text", "header", "login"),
    [
        (None, Role.AGENT, None),  # a proxy knows whom it lets in; a login may be open to all the world
        ("[people", Role.AGENT, None),
        ('[people]\n"lin@shop.example" = "admin"', Role.AGENT, None),
        ('default = "agent"', Role.AGENT, Role.AGENT),
        ('default = "none"\n[people]\n"mei@shop.example" = "admin"', Role.ADMIN, Role.ADMIN),
        ('default = "none"', None, None),
    ],
)
def test_what_a_person_may_do_behind_a_proxy_and_behind_a_login(roles_toml, text, header, login):
    if text is not None:
        roles_toml(text)
    assert granted("mei@shop.example", Way.HEADER).role is header
    assert granted("mei@shop.example", Way.LOGIN).role is login


def test_nobody_is_locked_out_without_being_told_who_can_change_it(roles_toml):
    place = roles.roles_file()
    for text in (None, "[people", 'default = "agent"', 'default = "none"'):
        if text is not None:
            roles_toml(text)
        said = granted("mei@shop.example", Way.HEADER)
        assert said.why and said.facts["file"] == str(place)


def test_the_file_can_lie_elsewhere(monkeypatch, tmp_path):
    place = tmp_path / "who.toml"
    place.write_text('[people]\n"mei@shop.example" = "reviewer"\n"lin@shop.example" = "admin"')
    monkeypatch.setenv("TRIAGE_ROLES", str(place))
    assert granted("mei@shop.example", Way.LOGIN) == Access(Role.REVIEWER)


# --- alone


def test_alone_one_may_do_everything_under_the_name_in_the_side_bar(screen):
    at = screen("inbox", person="Mia")
    assert at.text_input(key="person").value == "Mia" and at.button and not has_button(at, "log-out")
    assert "admin" not in text_of(at)


# --- behind a login


def test_before_the_login_nothing_is_shown_but_the_way_in(visit, arrive):
    arrive("The handle broke off after two days.")
    for page in ("", "case", "batch"):
        at = visit(is_logged_in=False, page=page)
        assert "Please log in" in text_of(at) and [one.label for one in at.button] == ["Log in"]
        assert "handle" not in text_of(at) and not at.file_uploader and not at.selectbox and not at.text_input
    assert [one.label for one in visit(is_logged_in=False, language="zh").button] == ["登录"]


def test_a_login_with_several_providers_has_a_button_for_each():
    from streamlit.testing.v1 import AppTest

    at = AppTest.from_file(str(APP / "main.py"), default_timeout=120)
    at.session_state["language"] = "en"
    at.user = {"is_logged_in": False}
    at.secrets = {"auth": {"cookie_secret": "x", "google": {"client_id": "1"}, "okta": {"client_id": "2"}}}
    at.run()
    assert [one.label for one in at.button] == ["Log in with Google", "Log in with Okta"]


def test_a_login_that_cannot_work_is_told_in_a_sentence(visit):
    at = visit(is_logged_in=False)
    at.button[0].click().run()
    assert not at.exception and "cannot be used" in text_of(at)


def test_who_is_logged_in_stands_in_the_record_and_can_log_out(visit, roles_toml, arrive, record):
    (only,) = arrive("The handle broke off after two days. Please send me a new one.")
    roles_toml('default = "none"\n[people]\n"mei@shop.example" = "admin"')
    at = visit(page="case", **logged_in("mei@shop.example"))
    assert "Logged in as mei@shop.example (admin)" in text_of(at) and has_button(at, "log-out")
    assert not [one for one in at.text_input if one.key == "person"]
    at.session_state["case"] = only
    at.run()
    button(at, "decide").click().run()
    assert record.case(only).decisions[0].decision.by == "mei@shop.example"


@pytest.mark.parametrize(
    ("text", "user", "said"),
    [
        (None, logged_in("mei@shop.example"), 'the two lines [people] and "mei@shop.example" = "admin"'),
        ('default = "none"\n[people]\n"lin@shop.example" = "admin"', logged_in("mei@shop.example"), "who has no role here"),
        ('[people]\n"mei@shop.example" = "admn"', logged_in("mei@shop.example"), 'found "admn" for mei@shop.example'),
        ('default = "agent"', logged_in(""), "vouches for no e-mail address"),
        ('default = "agent"', logged_in("mei@shop.example", email_verified=False), "vouches for no e-mail address"),
    ],
)  # fmt: skip
def test_who_may_not_come_in_is_told_why_and_sees_nothing(visit, roles_toml, arrive, text, user, said):
    arrive("The handle broke off after two days.")
    if text is not None:
        roles_toml(text)
    at = visit(page="inbox", **user)
    assert said in text_of(at) and "handle" not in text_of(at) and [one.key for one in at.button] == ["log-out"]


def test_a_name_that_looks_like_a_tag_is_shown_as_text(visit, roles_toml):
    roles_toml('default = "agent"')
    at = visit(**logged_in("<script>alert(1)</script>@shop.example"))
    assert "<script>" not in "".join(one.proto.body for one in at.html if not one.proto.body.startswith("<style"))
    assert "<script>alert(1)</script>@shop.example" in text_of(at)


def test_where_nobody_is_an_admin_the_first_line_says_who_can_change_that(visit, roles_toml):
    place = roles_toml('default = "agent"')
    at = visit(page="inbox", **logged_in("mei@shop.example"))
    assert "Nobody is an admin" in text_of(at) and str(place) in text_of(at) and at.file_uploader


def test_nobody_sees_what_another_person_scored(visit, roles_toml):
    roles_toml('default = "agent"')
    mei = visit(page="batch", **logged_in("mei@shop.example"))
    mei.file_uploader[0].upload("secret.pdf", b"%PDF-1.7 not a table").run()
    button(mei, "batch-start").click().run()
    for _ in range(600):
        if not has_button(mei, "batch-stop"):
            break
        sleep(0.1)
        mei.run()
    assert "secret.pdf" in text_of(visit(page="batch", **logged_in("mei@shop.example")))
    assert "secret.pdf" not in text_of(visit(page="batch", **logged_in("lin@shop.example")))


# --- pages for some


def test_a_page_that_is_not_for_a_role_is_not_in_the_list_and_refuses_by_its_address(visit, roles_toml, tmp_path):
    """The whole screen, with one page given to admins."""
    app = tmp_path / "app"
    shutil.copytree(APP, app, ignore=shutil.ignore_patterns("__pycache__"))
    main = (app / "main.py").read_text("utf-8")
    assert '"batch": Role.AGENT' in main
    (app / "main.py").write_text(main.replace('"batch": Role.AGENT', '"batch": Role.ADMIN'), "utf-8")
    roles_toml('[people]\n"mei@shop.example" = "admin"\n"lin@shop.example" = "reviewer"')
    lin = visit(page="batch", app=app, **logged_in("lin@shop.example"))
    assert "for the role admin; you are reviewer" in text_of(lin) and not lin.file_uploader
    mei = visit(page="batch", app=app, **logged_in("mei@shop.example"))
    assert "for the role" not in text_of(mei) and mei.file_uploader


# --- behind a proxy


def test_without_the_header_nobody_comes_in(screen, monkeypatch, arrive):
    arrive("The handle broke off after two days.")
    monkeypatch.setenv("TRIAGE_USER_HEADER", "X-Forwarded-Email")
    at = screen("inbox")
    assert "expected one header X-Forwarded-Email" in text_of(at) and "handle" not in text_of(at) and not at.button
