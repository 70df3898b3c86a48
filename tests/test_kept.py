"""What is worked out once: found again, made anew when it should be, and never in the way."""

import json
import os

import pytest

from triage_ml import kept
from triage_ml.kept import cache_folder


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIAGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def made(calls, value):
    return lambda: calls.append(value) or value


def test_it_is_made_once_for_the_same_ingredients(folder):
    calls = []
    for _ in range(2):
        assert kept.kept("cues-en", [b"a", b"b"], made(calls, {"keys": ["ß", 1]})) == {"keys": ["ß", 1]}
    assert len(calls) == 1 and len(list(folder.iterdir())) == 1


def test_other_ingredients_make_it_anew_and_the_old_goes(folder):
    calls = []
    for parts in ([b"a", b"b"], [b"ab"], [b"a", b"c"]):  # the same bytes cut otherwise are something else
        kept.kept("cues-en", parts, made(calls, len(calls)))
    kept.kept("cues-de", [b"a"], made(calls, 7))
    assert calls == [0, 1, 2, 7]
    assert sorted(json.loads(path.read_bytes()) for path in folder.iterdir()) == [2, 7]


def test_a_damaged_file_is_made_again(folder):
    calls = []
    kept.kept("cues-en", [b"a"], made(calls, [1]))
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    assert kept.kept("cues-en", [b"a"], made(calls, [1])) == [1]
    assert kept.kept("cues-en", [b"a"], made(calls, [1])) == [1]
    assert len(calls) == 2


def test_a_folder_that_cannot_be_written_is_no_hindrance(folder):
    folder.write_text("a file where the folder should be")
    assert kept.kept("cues-en", [b"a"], lambda: [1]) == [1]


@pytest.mark.parametrize(
    ("platform", "variable", "tail"),
    [
        ("linux", "XDG_CACHE_HOME", ("triage-ml",)),
        ("win32", "LOCALAPPDATA", ("triage-ml", "Cache")),
        ("darwin", "HOME", ("Library", "Caches", "triage-ml")),
    ],
)
def test_where_it_is_kept(tmp_path, monkeypatch, platform, variable, tail):
    monkeypatch.delenv("TRIAGE_CACHE")
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setenv(variable, str(tmp_path))
    assert cache_folder() == tmp_path.joinpath(*tail)


def test_the_cues_of_the_disk_find_what_those_just_made_find(folder):
    from triage_ml.text import _Reader

    said = {
        "en": "The handle came off, and it won't turn on. Why is it blue? I'd ordered the green one!",
        "zh": "杯子碎了，刻的名字也错了，能不能退款？",
    }
    for language, text in said.items():
        split = str.split if language == "zh" else (lambda piece: [(piece, 0)])
        readers = [_Reader(language, None if language == "zh" else split, str) for _ in range(2)]
        assert readers[0].read(text) == readers[1].read(text)
        assert readers[0].read(text).cues
    assert len(os.listdir(folder)) == 2
