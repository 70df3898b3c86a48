"""Files under a passphrase, in the age format (age-encryption.org/v1): `age -d` opens them too, without this product.

In the format's own terms: a file key, wrapped under a key that scrypt makes from the passphrase; then chunks of 64 KiB, each
sealed with ChaCha20-Poly1305 under its number, so that a file of any size needs little memory and no change stays unseen.
"""

from __future__ import annotations

import os
import re
import secrets
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from triage_ml.errors import CaseError

# 2**18 rounds take about a second and 256 MB, the age tool's own choice; more than 2**20 (1 GB) is refused when reading.
WORK_FACTOR = 18
_HIGHEST_WORK_FACTOR = 20
SHORTEST_PASSPHRASE = 12  # what Amazon's data protection policy asks of passwords
_CHUNK = 64 * 1024
_TAG = 16
_BASE64 = rb"[A-Za-z0-9+/]"
_HEADER = re.compile(
    rb"age-encryption\.org/v1\n-> scrypt (?P<salt>%s{22}) (?P<factor>[1-9]\d?)\n(?P<key>%s{43})\n--- (?P<mac>%s{43})\n"
    % (_BASE64, _BASE64, _BASE64)
)
_LONGEST_HEADER = 200


def encrypt_file(source: Path, target: Path, passphrase: str, *, work_factor: int = WORK_FACTOR) -> None:
    """Encrypt a file; the target is on the disk when this returns.

    Parameters
    ----------
    source, target
        The file, and the encrypted one, which must not exist.
    passphrase
        At least `SHORTEST_PASSPHRASE` characters.
    work_factor
        Binary logarithm of the number of scrypt's rounds. Only tests want less than the default.

    Raises
    ------
    CaseError
        The passphrase is too short.
    FileExistsError, OSError
        As the system says.
    """
    if len(passphrase) < SHORTEST_PASSPHRASE:
        expected = f"{SHORTEST_PASSPHRASE} or more"
        raise CaseError("passphrase", f"{len(passphrase)} characters", expected, "Choose a longer one, such as four words.")
    file_key, salt, nonce = (secrets.token_bytes(16) for _ in range(3))
    wrapped = ChaCha20Poly1305(_stretched(passphrase, salt, work_factor)).encrypt(bytes(12), file_key, None)
    header = b"age-encryption.org/v1\n-> scrypt %s %d\n%s\n---" % (_unpadded(salt), work_factor, _unpadded(wrapped))
    seal = ChaCha20Poly1305(_derived(file_key, nonce, b"payload"))
    with source.open("rb") as plain, target.open("xb") as sealed:
        sealed.write(b"%s %s\n%s" % (header, _unpadded(_mac(file_key, header).finalize()), nonce))
        for number, chunk in _numbered(plain, _CHUNK):
            sealed.write(seal.encrypt(number, chunk, None))
        sealed.flush()
        os.fsync(sealed.fileno())


def decrypt_file(source: Path, target: Path, passphrase: str) -> None:
    """Decrypt a file that `encrypt_file`, or the age tool with a passphrase, made.

    Parameters
    ----------
    source, target
        The encrypted file, and the plain one, which must not exist and is not left behind half.
    passphrase
        What it was encrypted with.

    Raises
    ------
    CaseError
        The passphrase is another one, or the file is damaged, cut off or of another kind.
    FileExistsError, OSError
        As the system says.
    """
    with source.open("rb") as sealed:
        file_key = _opened_header(source, sealed, passphrase)
        seal = ChaCha20Poly1305(_derived(file_key, sealed.read(16), b"payload"))
        with target.open("xb") as plain:
            try:
                for number, chunk in _numbered(sealed, _CHUNK + _TAG):
                    plain.write(seal.decrypt(number, chunk, None))
            except (InvalidTag, OSError) as error:
                plain.close()
                target.unlink()
                if isinstance(error, OSError):
                    raise
                raise _damaged(source) from error


def _opened_header(source: Path, sealed: IO[bytes], passphrase: str) -> bytes:
    """Return the file key, and leave `sealed` behind the header."""
    header = _HEADER.match(sealed.read(_LONGEST_HEADER))
    if not header or int(header["factor"]) > _HIGHEST_WORK_FACTOR:
        expected = "a file encrypted under a passphrase in the age format"
        raise CaseError(source, "something else at its beginning", expected, "Take another file, or an undamaged copy of it.")
    sealed.seek(header.end())
    try:
        salt, wrapped, mac = (b64decode(header[name] + b"=" * (-len(header[name]) % 4)) for name in ("salt", "key", "mac"))
        key = _stretched(passphrase, salt, int(header["factor"]))
        file_key = ChaCha20Poly1305(key).decrypt(bytes(12), wrapped, None)
        _mac(file_key, header[0][: -len(b" \n") - len(header["mac"])]).verify(mac)
    except InvalidTag:
        found = "that this passphrase does not open it"
        raise CaseError(source, found, "the passphrase it was made with", "Check capitals and blanks, and try again.") from None
    except (InvalidSignature, Base64Error) as error:
        raise _damaged(source) from error
    return file_key


def _damaged(source: Path) -> CaseError:
    return CaseError(source, "a file that was changed or cut off", "the file as it was written", "Take another backup or copy.")


def _numbered(file: IO[bytes], size: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield chunks with their nonces: the number, and 1 for the last, so that none can be left out or moved."""
    chunk, number = file.read(size), 0
    while True:
        following = file.read(size)
        yield number.to_bytes(11, "big") + (b"\0" if following else b"\1"), chunk
        if not following:
            return
        chunk, number = following, number + 1


def _stretched(passphrase: str, salt: bytes, work_factor: int) -> bytes:
    salt = b"age-encryption.org/v1/scrypt" + salt
    return Scrypt(salt=salt, length=32, n=2**work_factor, r=8, p=1).derive(passphrase.encode())


def _derived(file_key: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=purpose).derive(file_key)


def _mac(file_key: bytes, header: bytes) -> HMAC:
    mac = HMAC(_derived(file_key, b"", b"header"), SHA256())
    mac.update(header)
    return mac


def _unpadded(value: bytes) -> bytes:
    return b64encode(value).rstrip(b"=")
