"""Check an exported ledger with nothing but Python: python verify_chain.py chain.jsonl [checkpoint.json ...].

It needs no part of triage_ml, so that anybody can read it and run it. Every line must be an entry in canonical form (sorted
keys, no blanks, UTF-8) whose hash is the SHA-256 of the rest of it, which holds the hash of the entry before. A checkpoint is
an older statement about the chain, signed with Ed25519 (RFC 8032); compare its public key with the one you were given.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator

GENESIS = "0" * 64
FIELDS = {"seq", "at", "by", "kind", "case_id", "facts", "commitment", "previous", "hash"}
Hashes = dict[int, str]


def canonical(value: object) -> bytes:
    """Return the one JSON form of a value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def read_entry(line: bytes) -> dict[str, object] | None:
    """Return the entry of a line, None where it is none in canonical form."""
    try:
        entry = json.loads(line)
        whole = isinstance(entry, dict) and entry.keys() == FIELDS and line == canonical(entry) + b"\n"
    except (ValueError, RecursionError):
        return None
    return entry if whole else None


def check_chain(lines: Iterator[bytes], hashes: Hashes) -> Iterator[str]:
    """Yield what is wrong, and fill in the hash of every entry whose place in the chain is right."""
    last_seq, last_hash = 0, GENESIS
    for number, line in enumerate(lines, start=1):
        entry = read_entry(line)
        if entry is None:
            yield f"line {number}: changed: no entry in canonical form"
            continue
        content = {name: value for name, value in entry.items() if name != "hash"}
        true_hash = hashlib.sha256(canonical(content)).hexdigest()
        seq = entry["seq"]
        if not isinstance(seq, int) or true_hash != entry["hash"]:
            yield f"line {number}: changed: the content of entry {seq} does not give its hash"
        elif seq != last_seq + 1:
            yield f"line {number}: removed, inserted or reordered: entry {seq} stands after entry {last_seq}"
        elif entry["previous"] != last_hash:
            yield f"line {number}: entry {seq} does not follow the one before, which was put in or hashed anew"
        else:
            hashes[seq] = true_hash
        if isinstance(seq, int):
            last_seq, last_hash = seq, str(entry["hash"])


def check_checkpoint(text: bytes, hashes: Hashes) -> str:
    """Return what is wrong with a checkpoint or with the chain by it, "" where nothing is."""
    try:
        said = json.loads(text)
        signature, key = bytes.fromhex(said["signature"]), bytes.fromhex(said["public_key"])
        statement = canonical({name: value for name, value in said.items() if name != "signature"})
        signed = verify_signature(key, signature, statement)
        seq, expected = int(said["seq"]), said["hash"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return "no checkpoint"
    if not signed:
        return "the signature does not hold"
    if seq not in hashes:
        return f"entry {seq} is not there: the chain was cut"
    return "" if hashes[seq] == expected else f"entry {seq} is another one: the chain was written anew"


# Ed25519, checking only, after RFC 8032, section 6.
_P = 2**255 - 19
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ORDER = 2**252 + 27742317777372353535851937790883648493
_ROOT = pow(2, (_P - 1) // 4, _P)
Point = tuple[int, int, int, int]


def _x_of(y: int, sign: int) -> int:
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    x = x * _ROOT % _P if (x * x - square) % _P else x
    if y >= _P or (x * x - square) % _P or (x == 0 and sign):
        raise ValueError("no point of the curve")
    return _P - x if x & 1 != sign else x


def _point(data: bytes) -> Point:
    if len(data) != 32:
        raise ValueError("a point has 32 bytes")
    number = int.from_bytes(data, "little")
    y = number & ((1 << 255) - 1)
    x = _x_of(y, number >> 255)
    return x, y, 1, x * y % _P


def _add(a: Point, b: Point) -> Point:
    low, high = (a[1] - a[0]) * (b[1] - b[0]) % _P, (a[1] + a[0]) * (b[1] + b[0]) % _P
    cross, double = 2 * a[3] * b[3] * _D % _P, 2 * a[2] * b[2] % _P
    e, f, g, h = high - low, double - cross, double + cross, high + low
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(factor: int, point: Point) -> Point:
    result: Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            result = _add(result, point)
        point, factor = _add(point, point), factor >> 1
    return result


def verify_signature(key: bytes, signature: bytes, message: bytes) -> bool:
    """Say whether an Ed25519 signature (64 bytes) of a message is by this public key (32 bytes); ValueError: none can be."""
    public, nonce = _point(key), _point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= _ORDER:
        return False
    base = _point((4 * pow(5, _P - 2, _P) % _P).to_bytes(32, "little"))
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % _ORDER
    left, right = _times(s, base), _add(nonce, _times(challenge, public))
    return (left[0] * right[2] - right[0] * left[2]) % _P == 0 and (left[1] * right[2] - right[1] * left[2]) % _P == 0


def main(arguments: list[str]) -> int:
    """Check, say what is wrong, and return 0 where nothing is."""
    if not arguments or arguments[0] in ("-h", "--help"):
        sys.stdout.write(f"{__doc__}\n")
        return 2
    hashes: Hashes = {}
    with open(arguments[0], "rb") as file:
        wrong = list(check_chain(iter(file), hashes))
    for name in arguments[1:]:
        with open(name, "rb") as file:
            problem = check_checkpoint(file.read(), hashes)
        wrong += [f"{name}: {problem}"] if problem else []
    newest = max(hashes.items(), default=(0, GENESIS))[1]
    said = f"{len(hashes)} entries follow each other, {len(wrong)} findings, last hash {newest}"
    sys.stdout.write("\n".join([*wrong, said, ""]))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
