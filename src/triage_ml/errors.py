"""Everything that can go wrong, as one tree.

TriageError                  the root: catch this to catch all of ours
├── FormatError              a whole file cannot be read (a folder, a PDF, an empty file ...)
├── ReadError                one row or mail cannot be read; the rest of the file can
├── LanguageDataError        a cue file does not say what it must
├── ModelError               a model folder cannot be used
│   ├── ModelNotFoundError   there is none at that place
│   └── UntrustedModelError  it was changed, or holds something that could run code
├── TrainingDataError        a labelled row or corpus cannot be learned from
├── MissingExtraError        an optional part of the product is not installed
├── PolicyError              the seller's rules and numbers do not hold together
├── TemplateError            a reply template is wrong, or cannot be filled
├── RunError                 a long run cannot begin, or not go on
└── CaseError                the case record cannot be opened, or cannot do what was asked
    ├── CaseNotFoundError    there is no such case
    ├── CaseConflictError    somebody else changed the case first
    └── LedgerError          the ledger cannot be used: a key, a checkpoint or an export is wrong

Every text says what was found, what was expected and what to do; it is written for the person at
the screen, so no error of this tree needs a traceback to be understood.
"""

from __future__ import annotations

from pathlib import Path


class TriageError(Exception):
    """The root of all errors this package raises on purpose."""


class FormatError(TriageError):
    """A whole file cannot be read.

    Parameters
    ----------
    path
        The file.
    found
        What is there, in words ("a PDF document").
    expected
        What would have been readable.
    do
        What the person can do about it.
    """

    def __init__(self, path: Path | str, found: str, expected: str, do: str) -> None:
        self.path = Path(path)
        self.found, self.expected, self.do = found, expected, do
        super().__init__(f"{self.path}: found {found}; expected {expected}. {do}")


class ReadError(TriageError):
    """One row, line or mail of a file cannot become a Message; it belongs into the rejects file.

    Parameters
    ----------
    path
        The file.
    row
        The line, row or mail number as a person counts it in the file, header included, from 1.
    column
        The column or field at fault, "" where it is the whole row.
    value
        What stands there, shortened to 200 characters.
    reason
        Why that cannot be read, and what was expected.
    """

    def __init__(self, path: Path | str, row: int, column: str, value: object, reason: str) -> None:
        self.path, self.row, self.column, self.reason = Path(path), row, column, reason
        self.value = str(value)[:200]
        super().__init__(f"{self.path}, row {row}, {column or 'whole row'}: {reason} (found {self.value!r})")


class LanguageDataError(TriageError):
    """A cue file is wrong; the text names file, line and what was expected."""


class ModelError(TriageError):
    """A model folder cannot be used."""


class ModelNotFoundError(ModelError):
    """There is no model at that place; the text says how to make one."""


class UntrustedModelError(ModelError):
    """A model's files were changed after saving, or hold a type that is not on the trust list."""


class TrainingDataError(TriageError):
    """A labelled row cannot be learned from; the text names file, line and field."""


class MissingExtraError(TriageError):
    """An optional part is needed and not installed.

    Parameters
    ----------
    need
        What was asked for, in a word or two ("figures").
    extra
        The extra that brings it.
    """

    def __init__(self, need: str, extra: str) -> None:
        self.extra = extra
        super().__init__(
            f"{need}: found nothing installed that can do this; expected the extra {extra!r}. "
            f'Install it in the checkout: python -m pip install -c constraints.txt -e ".[{extra}]"'
        )


class PolicyError(TriageError):
    """The policy file is wrong; the text names the key, what was found and what was expected."""


class TemplateError(TriageError):
    """A template is wrong or cannot be filled; the text names file, line and field."""


class RunError(TriageError):
    """A long run cannot begin, or not go on.

    Parameters
    ----------
    subject
        What it is about: an output, a worker.
    found
        What is there, in words.
    expected
        What would have been right.
    do
        What the person can do about it.
    """

    def __init__(self, subject: object, found: str, expected: str, do: str) -> None:
        super().__init__(f"{subject}: found {found}; expected {expected}. {do}")


class CaseError(TriageError):
    """The case record cannot be opened, or cannot do what was asked.

    Parameters
    ----------
    subject
        What it is about: a case, a database, a file.
    found
        What is there, in words.
    expected
        What would have been right.
    do
        What the person can do about it.
    """

    def __init__(self, subject: object, found: str, expected: str, do: str) -> None:
        self.subject, self.found, self.expected, self.do = str(subject), found, expected, do
        super().__init__(f"{subject}: found {found}; expected {expected}. {do}")


class CaseNotFoundError(CaseError):
    """There is no such case."""


class CaseConflictError(CaseError):
    """Somebody else changed the case since it was read, so what was decided on may no longer be so."""


class LedgerError(CaseError):
    """The ledger cannot be used: a key, a checkpoint or an export is wrong."""
