"""The library of replies."""

import pytest
from reading import html_of, text_of

from triage_ml.messages import Claim
from triage_ml.replies.library import load_templates


def test_every_reply_reads_in_every_language_without_an_open_field(screen):
    at = screen("replies")
    names = list(load_templates())
    assert f"{len(names)} of {len(names)} replies" in text_of(at)
    for name in sorted(names):
        at.selectbox(key="reply").set_value(name).run()
        assert not at.exception
        for code in load_templates()[name].text:
            field = at.segmented_control(key=f"preview-{name}")
            field.set_value(code).run()
            assert f'lang="{code}"' in html_of(at) and "{{" not in html_of(at)
        assert "finds nothing" in text_of(at), name


def test_the_library_is_narrowed_down(screen):
    at = screen("replies")
    at.selectbox(key="library-claim").set_value(Claim.SUBJECTIVE).run()
    shown = [name for name, template in load_templates().items() if Claim.SUBJECTIVE in template.claims]
    assert f"{len(shown)} of" in text_of(at)
    at.text_input(key="library-search").set_value("zzzz nothing").run()
    assert "No reply fits" in text_of(at)


@pytest.mark.parametrize(("language", "purpose"), [("en", "en"), ("zh", "zh")])
def test_the_purpose_is_in_the_readers_language(screen, language, purpose):
    at = screen("replies", language=language)
    assert set(at.selectbox(key="reply").options) == {template.purpose[purpose] for template in load_templates().values()}


def test_a_shops_own_replies_stand_beside_the_shipped_ones(screen, tmp_path, monkeypatch):
    own = tmp_path / "own"
    own.mkdir()
    from importlib.resources import files

    shipped = next(f for f in (files("triage_ml") / "data" / "templates").iterdir() if f.name == "a_close_record.toml")
    (own / "ours.toml").write_text(shipped.read_text("utf-8").replace('id = "a_close_record"', 'id = "ours"'), "utf-8")
    monkeypatch.setenv("TRIAGE_TEMPLATES", str(own))
    at = screen("replies")
    at.selectbox(key="reply").set_value("ours").run()
    assert "your own" in text_of(at)


def test_without_a_model_the_page_says_so(screen, tmp_path, monkeypatch):
    monkeypatch.setenv("TRIAGE_MODEL", str(tmp_path / "none"))
    assert "could not be loaded" in text_of(screen("replies"))
