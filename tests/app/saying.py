"""What library and screen say in their source when something goes wrong: every error's sentences, with {} for what changes."""

import ast
import builtins
from functools import cache
from itertools import product
from pathlib import Path

_HERE = Path(__file__).parents[2]
_SOURCES = (_HERE / "src" / "triage_ml", _HERE / "app")
# What only programs, the command line, or people who mend the shipped data meet.
_NOT_ON_THE_SCREEN = (
    "cli", "corpus.py", "cues.py", "phrases.py", "spark.py", "customisation", "encoders.py", "evaluation_report.py", "registry.py", "replies/rulebook.py",
    "cases/archive.py", "cases/backup.py", "cases/checkpoints.py", "cases/encryption.py", "cases/erasure.py",
    "cases/requests.py", "cases/retention.py", "cases/snapshots.py", "cases/verify_chain.py",
)  # fmt: skip
# How the arguments of what makes an error become its sentence; None: they are the sentence.
_SHAPES = {
    "FormatError": "{}: found {}; expected {}. {}",
    "CaseError": "{}: found {}; expected {}. {}",
    "CaseNotFoundError": "{}: found {}; expected {}. {}",
    "CaseConflictError": "{}: found {}; expected {}. {}",
    "LedgerError": "{}: found {}; expected {}. {}",
    "RunError": "{}: found {}; expected {}. {}",
    "problem": "{}, line 7: found {}; expected {}.",
    "MissingExtraError": "{}: found nothing installed that can do this; expected the extra {}. Install it in the checkout: pip",
}
_LAST = ("ReadError", "Unreadable", "Broken", "_problem")
_DEEPEST = 3


def library_errors():
    """Yield (place, sentence) for all that is said of errors that can reach the screen."""
    for source, file in _files():
        name = file.relative_to(source).as_posix()
        if not name.startswith(_NOT_ON_THE_SCREEN):
            tree = ast.parse(file.read_text("utf-8"))
            for function in (one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)):
                texts = _Texts(function, tree)
                for call in (one for one in ast.walk(function) if isinstance(one, ast.Call)):
                    yield from ((f"{name}:{call.lineno}", said) for said in _said(call, texts, name))


def _files():
    return [(source, file) for source in _SOURCES for file in sorted(source.rglob("*.py"))]


def _said(call, texts, name):
    """Return what a call that makes an error has it say; nothing for other calls."""
    kind, args = getattr(call.func, "id", getattr(call.func, "attr", "")), call.args
    shape = _SHAPES.get(kind, "")
    if shape and len(args) == shape.count("{}"):
        parts = [texts.of(arg) or ["{}"] for arg in args]
        if kind in ("FormatError", "problem"):  # the file it is about
            parts[0] = ["{}"]
        return [shape.replace("{}", "%s") % chosen for chosen in product(*parts)]
    if kind in ("Slip", "_slip"):
        found, expected = (texts.of(arg) or ["{}"] for arg in args[3:5])
        return [f"{{}}, line 7: found {one}; expected {other}." for one, other in product(found, expected)]
    if args and (kind in _LAST or (kind == "ValueError" and name.startswith("readers"))):
        return [text for text in texts.of(args[-1]) if text]
    ours = (
        kind.endswith("Error")
        and not hasattr(builtins, kind)
        and kind not in ("WordingError", "RolesFileError", "StoppedError")
    )
    if args and (ours or kind == "append"):
        return [text for text in texts.of(args[0]) if ": found " in text or (ours and " " in text)]
    return []


class _Texts:
    """Finds the texts that an expression of a function may have."""

    def __init__(self, function, tree):
        self.functions = {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef)}
        self.given = {}
        for one in (*ast.walk(function), *(one for one in tree.body if isinstance(one, ast.Assign))):
            if isinstance(one, ast.NamedExpr):
                self._give(one.target, one.value)
            elif isinstance(one, ast.Assign):
                self._give(one.targets[0], one.value)

    def _give(self, target, value):
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for name, part in zip(target.elts, value.elts, strict=True):
                self._give(name, part)
        elif isinstance(target, ast.Name):
            self.given.setdefault(target.id, []).append(value)

    def of(self, node, depth=0):
        """Return the texts with {} for what changes; none where nothing is known of it."""
        if depth > _DEEPEST:
            return []
        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr(values=parts):
                filled = [self.of(part.value, depth + 1) if _plain(part) else [] for part in parts]
                known = [[p.value] if isinstance(p, ast.Constant) else f or ["{}"] for p, f in zip(parts, filled, strict=True)]
                return ["".join(chosen) for chosen in product(*known)]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                sides = [self.of(side, depth + 1) or ["{}"] for side in (left, right)]
                return [first + last for first, last in product(*sides)]
            case ast.IfExp(body=one, orelse=other):
                return [*self.of(one, depth + 1), *self.of(other, depth + 1)]
            case ast.Name(id=name):
                return [
                    text for value in self.given.get(name, _constants().get(name, [])) for text in self.of(value, depth + 1)
                ]
            case ast.Call(func=ast.Name(id=name)) if name in self.functions:
                returned = [one.value for one in ast.walk(self.functions[name]) if isinstance(one, ast.Return) and one.value]
                return [text for value in returned for text in self.of(value, depth + 1)]
        return []


def _plain(part):
    """Say whether a gap holds a name as it is, not its `repr` or a number in some form."""
    return (
        isinstance(part, ast.FormattedValue)
        and part.conversion == -1
        and not part.format_spec
        and isinstance(part.value, ast.Name)
    )


@cache
def _constants():
    """Return every module's constants for others, by name."""
    found = {}
    for _, file in _files():
        for one in ast.parse(file.read_text("utf-8")).body:
            name = getattr(one.targets[0], "id", "") if isinstance(one, ast.Assign) else ""
            if name.isupper() and not name.startswith("_"):
                found.setdefault(name, []).append(one.value)
    return found
