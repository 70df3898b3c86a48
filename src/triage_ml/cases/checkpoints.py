"""Checkpoints: signed statements of how far the ledger had come, to be kept where nobody who can change the database can.

A chain that was cut or written anew from an earlier point is whole in itself; only an older statement about it tells.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from triage_ml.cases.values import canonical, plain
from triage_ml.errors import LedgerError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from triage_ml.cases.ledger import Entry

KEY_NAME = "ledger.key"
_FIELDS = {"seq", "hash", "at", "public_key", "signature"}
_EXPECTED = "a checkpoint as `triage-ml cases checkpoint` writes it"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """That entry `seq` had this hash at that time, signed with Ed25519.

    Parameters
    ----------
    seq, hash
        The newest entry then.
    at
        When it was made, ISO 8601 in UTC.
    public_key, signature
        In hex; the signature is over the canonical JSON of the other fields.
    """

    seq: int
    hash: str
    at: str
    public_key: str
    signature: str

    def statement(self) -> bytes:
        """Return what is signed."""
        return canonical({name: value for name, value in asdict(self).items() if name != "signature"})

    def is_signed(self) -> bool:
        """Say whether the signature holds. Whose key it is, is another question: compare `public_key`."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.public_key))
            key.verify(bytes.fromhex(self.signature), self.statement())
        except (InvalidSignature, ValueError):
            return False
        return True

    def text(self) -> str:
        """Return it as the text of a file."""
        return canonical(asdict(self)).decode() + "\n"


def read_checkpoint(path: Path | str) -> Checkpoint:
    """Read a checkpoint from a file.

    Raises
    ------
    LedgerError
        Where it is none. The signature is not looked at here.
    """
    try:
        content = json.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise LedgerError(path, str(error.strerror), _EXPECTED, "Check the name.") from error
    except ValueError as error:
        raise LedgerError(path, f"text that is no JSON ({error})", _EXPECTED, "Export it again.") from error
    texts = isinstance(content, dict) and content.keys() == _FIELDS and isinstance(content["seq"], int)
    if not texts or not all(isinstance(content[name], str) for name in _FIELDS - {"seq"}):
        raise LedgerError(path, "other fields", _EXPECTED, "Export it again.")
    return Checkpoint(**content)


def make_checkpoint(entry: Entry, folder: Path, now: datetime) -> Checkpoint:
    """Sign where the ledger stands.

    Parameters
    ----------
    entry
        The newest entry.
    folder
        Where the key is; it is made on first use, readable by its owner alone.
    now
        When.
    """
    key = _key(folder)
    public = key.public_key().public_bytes_raw().hex()
    unsigned = Checkpoint(entry.seq, entry.hash, plain(now), public, "")
    return Checkpoint(entry.seq, entry.hash, unsigned.at, public, key.sign(unsigned.statement()).hex())


def public_key(folder: Path) -> str:
    """Return the public half of this installation's key in hex, "" where none was made yet."""
    return _key(folder).public_key().public_bytes_raw().hex() if (folder / KEY_NAME).exists() else ""


def _key(folder: Path) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    path = folder / KEY_NAME
    try:
        _make_key(path)
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        do = "Bring the key back from a backup; without it older checkpoints still hold, but new ones need a new key."
        raise LedgerError(path, f"a key that cannot be read ({error})", "an Ed25519 key", do) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise LedgerError(path, "another kind of key", "an Ed25519 key", "Move it away; a new one is made.")
    return key


def _make_key(path: Path) -> None:
    """Make the key where there is none, all of it at once, even if two programs try."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    part = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pem)
        os.fsync(file.fileno())
    try:
        os.link(part, path)
    except FileExistsError:
        pass  # the other program was first
    finally:
        part.unlink()
