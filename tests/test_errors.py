import re

from triage_ml import errors


def _tree(kind, depth=0):
    yield depth, kind.__name__
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from _tree(child, depth + 1)


def test_the_tree_in_the_docstring_is_the_tree():
    drawn = re.findall(r"^([│├└─ ]*)(\w+Error)\b", errors.__doc__, re.MULTILINE)
    assert [(len(lead) // 4, name) for lead, name in drawn] == list(_tree(errors.TriageError))


def test_an_error_says_found_expected_do():
    error = errors.FormatError("a.pdf", "a PDF document", "a table or mails", "Export it as CSV.")
    assert str(error) == "a.pdf: found a PDF document; expected a table or mails. Export it as CSV."


def test_a_read_error_shortens_what_it_found():
    assert len(errors.ReadError("a.csv", 3, "text", "x" * 10_000, "too long").value) == 200
