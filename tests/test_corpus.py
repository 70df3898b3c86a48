import json

import pytest

from triage_ml.corpus import load_corpus
from triage_ml.errors import TrainingDataError

GOOD = {"id": "a", "lang": "en", "text": "It broke", "claim": "quality", "abuse": False, "writer": "w1"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"claim": "qualty"}, "qualty"),
        ({"lang": "xx"}, "lang is 'xx'"),
        ({"text": " "}, "text is empty"),
        ({"abuse": "no"}, "abuse is 'no'"),
        ({"writer": None, "text": None}, "text is empty"),
    ],
)
def test_a_wrong_row_is_named(tmp_path, change, says):
    lines = [json.dumps(GOOD), json.dumps(GOOD | change)]
    (tmp_path / "en.jsonl").write_text("\n".join(lines), "utf-8")
    with pytest.raises(TrainingDataError, match=r"en\.jsonl, line 2: .*" + says):
        load_corpus(tmp_path)


def test_a_missing_field_is_named(tmp_path):
    (tmp_path / "en.jsonl").write_text(json.dumps({k: v for k, v in GOOD.items() if k != "claim"}), "utf-8")
    with pytest.raises(TrainingDataError, match="line 1: found no 'claim'"):
        load_corpus(tmp_path)


def test_an_empty_folder_says_what_to_do(tmp_path):
    with pytest.raises(TrainingDataError, match="--corpus"):
        load_corpus(tmp_path)
