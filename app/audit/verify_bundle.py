"""verify.py of an evidence bundle or an audit report: checks it with the standard library of Python 3.8 or newer.

    python3 -I verify.py --key FINGERPRINT [--checkpoint MAILED.txt] [BUNDLE.zip, REPORT.zip or FOLDER]

The fingerprint must come from the owner of the log, not from the bundle. Exit code 0: everything holds; 1: it
does not; 2: it could not be tried. 用法见 VERIFY.txt。
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any

PREFIX = bytes.fromhex("302a300506032b6570032100")
NOTE = re.compile(
    "([^\n +]+)\n([1-9][0-9]{0,18})\n([A-Za-z0-9+/]{43}=)\nalgorithm ([a-z0-9]+)\ntime ([^\n ]+)\n\n"
    "\u2014 ([^\n +]+) ([A-Za-z0-9+/]+={0,2})\n"
)
HEADER = re.compile(
    rb"storewarden-audit/1 ([^\n ]+)\nseq ([1-9][0-9]*)\nprev ([0-9a-f]{64})\nnoted ([^\n ]+)\n(?:mark clock_back\n)?"
)
ENTRY = "entries/{:012d}.txt"
VALUE, SALT = "values/{:012d}.txt", "values/{:012d}.salt"


class Wrong(Exception):
    """Something does not hold; the text says what."""


# SM3 by GB/T 32905-2016, for an OpenSSL that has none: slow, and free of any library. Words are of 32 bits.


def turned(word: int, by: int) -> int:
    """A word turned to the left."""
    return (word << by % 32 | word >> 32 - by % 32) & 0xFFFFFFFF


def plain_sm3(data: bytes) -> bytes:
    """SM3: padding, expansion and compression (5.2 to 5.4)."""
    begun = bytes.fromhex("7380166f4914b2b9172442d7da8a0600a96f30bc163138aae38dee4db0fb0e4e")
    state = list(struct.unpack(">8L", begun))
    data += b"\x80" + bytes(-(len(data) + 9) % 64) + struct.pack(">Q", 8 * len(data))
    for begin in range(0, len(data), 64):
        words = list(struct.unpack_from(">16L", data, begin))
        for at in range(16, 68):
            mixed = words[at - 16] ^ words[at - 9] ^ turned(words[at - 3], 15)
            mixed ^= turned(mixed, 15) ^ turned(mixed, 23)
            words.append(mixed ^ turned(words[at - 13], 7) ^ words[at - 6])
        a, b, c, d, e, f, g, h = state
        for at in range(64):
            low, high = turned(a, 12), turned(0x79CC4519 if at < 16 else 0x7A879D8A, at)
            first = turned(low + e + high & 0xFFFFFFFF, 7)
            left = a ^ b ^ c if at < 16 else a & b | a & c | b & c
            right = e ^ f ^ g if at < 16 else e & f | ~e & g
            left = left + d + (first ^ low) + (words[at] ^ words[at + 4]) & 0xFFFFFFFF
            right = right + h + first + words[at] & 0xFFFFFFFF
            a, b, c, d = left, a, turned(b, 9), c
            e, f, g, h = right ^ turned(right, 9) ^ turned(right, 17), e, turned(f, 19), g
        state = [state[at] ^ new for at, new in enumerate((a, b, c, d, e, f, g, h))]
    return struct.pack(">8L", *state)


def sm3(data: bytes) -> bytes:
    """SM3, by OpenSSL where it can."""
    try:
        return hashlib.new("sm3", data).digest()
    except ValueError:
        return plain_sm3(data)


def sha256(data: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(data).digest()


DIGESTS = {"sha256": sha256, "sm3": sm3}


def algorithm_of(origin: str) -> str:
    """The hash of a log's tree, which its name says; without any it is SHA-256."""
    return origin.split("/")[1] if origin.count("/") > 1 else "sha256"


# Ed25519 by RFC 8032, section 5.1: slow, and free of any library.

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def add(one: tuple[int, ...], two: tuple[int, ...]) -> tuple[int, ...]:
    """The sum of two points in extended coordinates."""
    a = (one[1] - one[0]) * (two[1] - two[0]) % P
    b = (one[1] + one[0]) * (two[1] + two[0]) % P
    c = 2 * one[3] * two[3] * D % P
    d = 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number: int, point: tuple[int, ...]) -> tuple[int, ...]:
    """A point so many times."""
    found: tuple[int, ...] = (0, 1, 1, 0)
    while number:
        if number & 1:
            found = add(found, point)
        point = add(point, point)
        number >>= 1
    return found


def recover(y: int, sign: int) -> int | None:
    """The x that belongs to y, or None."""
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P:
        return None
    return P - x if x & 1 != sign else x


def point_of(data: bytes) -> tuple[int, ...] | None:
    """The point that 32 bytes spell, or None."""
    number = int.from_bytes(data, "little")
    y = number & (2**255 - 1)
    x = recover(y, number >> 255)
    return None if x is None else (x, y, 1, x * y % P)


def signed(public: bytes, text: bytes, signature: bytes) -> bool:
    """Whether the holder of the key signed the text."""
    if len(public) != 32 or len(signature) != 64:
        return False
    holder, commitment = point_of(public), point_of(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if holder is None or commitment is None or scalar >= Q:
        return False
    digest = hashlib.sha512(signature[:32] + public + text).digest()
    challenge = int.from_bytes(digest, "little") % Q
    base_y = 4 * pow(5, P - 2, P) % P
    base_x = recover(base_y, 0) or 0
    left = times(scalar, (base_x, base_y, 1, base_x * base_y % P))
    right = add(commitment, times(challenge, holder))
    return not (
        (left[0] * right[2] - right[0] * left[2]) % P
        or (left[1] * right[2] - right[1] * left[2]) % P
    )


# The tree of RFC 6962; the proofs as RFC 9162, sections 2.1.3.2 and 2.1.4.2, verify them.


def included(
    leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes, digest: Any = sha256
) -> bool:
    """Whether the leaf (from 0) is in the tree; never in one of size 0, never with hashes of another length."""
    if not 0 <= index < size or any(len(one) != 32 for one in (leaf, root, *proof)):
        return False
    at, last = index, size - 1
    for part in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            leaf = digest(b"\1" + part + leaf)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            leaf = digest(b"\1" + leaf + part)
        at, last = at >> 1, last >> 1
    return last == 0 and leaf == root


def consistent(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: list[bytes], digest: Any = sha256
) -> bool:
    """Whether the old tree is the beginning of the new one."""
    if not 0 < old <= new or any(len(one) != 32 for one in (old_root, new_root, *proof)):
        return False
    if old == new:
        return not proof and old_root == new_root
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = path[0]
    for part in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = digest(b"\1" + part + first), digest(b"\1" + part + second)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            second = digest(b"\1" + second + part)
        at, last = at >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


# The bundle


class Files:
    """The files of a bundle, zipped or not."""

    def __init__(self, place: str) -> None:
        self.archive = None if Path(place).is_dir() else zipfile.ZipFile(place)
        self.folder = Path(place)

    def read(self, name: str) -> bytes:
        """The bytes of a file; raises Wrong when it is missing."""
        try:
            return self.archive.read(name) if self.archive else (self.folder / name).read_bytes()
        except (KeyError, OSError):
            raise Wrong(f"缺少文件 a file is missing: {name}") from None

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return name in self.archive.namelist() if self.archive else (self.folder / name).exists()


def read_note(text: str, public: bytes) -> tuple[str, int, bytes]:
    """Origin, size and root of a checkpoint that the key signed; raises Wrong."""
    found = NOTE.fullmatch(text)
    if not found:
        raise Wrong("检查点格式不对 not a checkpoint")
    origin, size, root, algorithm, _, signer, line = found.groups()
    if algorithm not in DIGESTS or algorithm != algorithm_of(origin):
        raise Wrong(f"算法与记录不符 not the hash of its log: checkpoint {size}, {algorithm}")
    blob = base64.b64decode(line)
    digest = hashlib.sha256(origin.encode() + b"\n\1" + public).digest()
    body = text[: text.index("\n\n") + 1].encode()
    # Base64 has several spellings of the same bytes; a checkpoint has one.
    other = signer != origin or base64.b64encode(blob).decode() != line
    if other or blob[:4] != digest[:4] or not signed(public, body, blob[4:]):
        raise Wrong(f"检查点签名不成立 the signature of checkpoint {size} does not hold")
    return origin, int(size), base64.b64decode(root)


def check_entry(
    files: Files, told: dict[str, Any], origin: str, size: int, root: bytes
) -> tuple[str, bytes, str]:
    """The line that tells an entry, and its leaf and predecessor in the chain; raises Wrong when the tree lacks it."""
    seq = told["seq"]
    body = files.read(ENTRY.format(seq))
    header = HEADER.match(body)
    if not header or header[1].decode() != origin or int(header[2]) != seq:
        raise Wrong(f"第 {seq} 条：编号或来源不对 entry {seq}: wrong number or log")
    digest = DIGESTS[algorithm_of(origin)]
    proof = [bytes.fromhex(one) for one in told["proof"]]
    if not included(digest(b"\0" + body), seq - 1, size, proof, root, digest):
        raise Wrong(f"第 {seq} 条：不在签名的记录里 entry {seq} is not in the signed log")
    said = json.loads(body[header.end() :].decode())
    keys = ("at", "name", "action", "entity", "record")
    line = " ".join(str(said[key]) for key in keys if key in said)
    if told["values"]:
        values = files.read(VALUE.format(seq))
        if hashlib.sha256(files.read(SALT.format(seq)) + values).hexdigest() != said.get("values"):
            raise Wrong(
                f"第 {seq} 条：所附内容不是封存的 entry {seq}: the enclosed values are not those sealed"
            )
        line += " " + values.decode()
    elif "values" in said:
        line += " （内容已删除或未附 values erased or not enclosed）"
    return f"{seq:>8}  {line}", sha256(b"\0" + body), header[3].decode()


def public_key(files: Files, fingerprint: str) -> bytes:
    """The key of the files, when it is the one of the fingerprint; raises Wrong."""
    pem = files.read("key.pem").decode()
    lines = [line for line in pem.splitlines() if not line.startswith("-----")]
    der = base64.b64decode("".join(lines))
    public = der[len(PREFIX) :]
    if der[: len(PREFIX)] != PREFIX or hashlib.sha256(public).hexdigest() != fingerprint:
        raise Wrong("公钥指纹与给定的不一致 the public key is not the one of the fingerprint")
    return public


def check_report(files: Files, public: bytes, mailed: str | None) -> list[str]:
    """What to say of an audit report that holds; raises Wrong."""
    for name in ("report.json", "report.pdf"):
        if not signed(public, files.read(name), files.read(f"{name}.sig")):
            raise Wrong(f"签名不成立 the signature does not hold: {name}")
    content = files.read("report.json")
    said = json.loads(content.decode())
    spelled = json.dumps(said, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    if said["format"] != "storewarden-audit-report/1" or spelled.encode() != content:
        raise Wrong("不是审计报告 not an audit report")
    told, count = said["checkpoint"], said["entries"]["count"]
    origin, size, root = read_note(files.read(f"checkpoint-{told['size']}.txt").decode(), public)
    same = (said["origin"], told["size"], told["root"], said.get("algorithm", "sha256"))
    if (origin, size, root.hex(), algorithm_of(origin)) != same:
        raise Wrong("检查点不属于这份报告 the checkpoint is not the one of the report")
    sums = [sum(said["kinds"].values())]
    sums += [sum(one["count"] for one in said[part]) for part in ("deeds", "accounts")]
    if any(one != count for one in sums) or said["entries"]["last"] > size:
        raise Wrong("数字对不上 the figures do not add up")
    lines = [f"{count:>8}  {kind}" for kind, count in said["kinds"].items()]
    if mailed is not None:
        note = NOTE.search(mailed.replace("\r\n", "\n"))
        held = read_note(note[0] if note else "", public)
        known = [(one["size"], one["root"]) for one in (told, *said["checkpoints"])]
        if held[0] != origin or (held[1], held[2].hex()) not in known:
            raise Wrong("报告没有提到手里的检查点 the report does not name the checkpoint at hand")
        lines.append("与手里的检查点一致 the checkpoint at hand agrees")
    period, faults = said["period"], said["verification"]["faults"]
    days = f"{period['from']} – {period['until']}"
    lines.append(f"摘要 digest  {hashlib.sha256(content).hexdigest()}")
    lines += [
        f"成立：{days}，{count} 条记录，检查点 {size}，核验问题 {faults} 处，记录 {origin}",
        f"HOLDS: {days}, {count} entries, checkpoint {size}, faults {faults}, log {origin}",
    ]
    return lines


def check(files: Files, fingerprint: str, mailed: str | None) -> list[str]:
    """What to say of a bundle or a report that holds; raises Wrong."""
    public = public_key(files, fingerprint)
    return (check_report if files.has("report.json") else check_bundle)(files, public, mailed)


def check_bundle(files: Files, public: bytes, mailed: str | None) -> list[str]:
    """What to say of an evidence bundle that holds; raises Wrong."""
    bundle = json.loads(files.read("bundle.json").decode())
    old = read_note(files.read(f"checkpoint-{bundle['covers']}.txt").decode(), public)
    new = read_note(files.read(f"checkpoint-{bundle['newest']}.txt").decode(), public)
    proof = [bytes.fromhex(one) for one in bundle["consistency"]]
    if (old[1], new[1]) != (bundle["covers"], bundle["newest"]) or old[0] != new[0]:
        raise Wrong("检查点不属于同一份记录 the checkpoints are not of one log")
    digest = DIGESTS[algorithm_of(new[0])]
    if not consistent(old[1], new[1], old[2], new[2], proof, digest):
        raise Wrong("新旧检查点不一致 the checkpoints contradict each other")
    lines: list[str] = []
    last: tuple[int, bytes] | None = None
    for told in bundle["entries"]:
        line, leaf, prev = check_entry(files, told, *old)
        if last and last[0] + 1 == told["seq"] and last[1].hex() != prev:
            raise Wrong(
                f"第 {told['seq']} 条接不上 entry {told['seq']} does not follow the one before it"
            )
        last = told["seq"], leaf
        lines.append(line)
    if not lines:
        raise Wrong("没有记录 there are no entries")
    if mailed is not None:
        note = NOTE.search(mailed.replace("\r\n", "\n"))
        held = read_note(note[0] if note else "", public)
        way = bundle.get("held") or {"size": 0, "consistency": []}
        path = [bytes.fromhex(one) for one in way["consistency"]]
        reached = consistent(held[1], new[1], held[2], new[2], path, digest)
        reached &= (way["size"], new[0]) == (held[1], held[0])
        if held not in (old, new) and not reached:
            raise Wrong("证据包里没有通向它的证明 nothing leads here from the checkpoint at hand")
        lines.append("与手里的检查点一致 the checkpoint at hand agrees")
    count = len(bundle["entries"])
    lines.append(f"成立：{count} 条记录，检查点 {old[1]} 和 {new[1]}，记录 {old[0]}")
    lines.append(f"HOLDS: {count} entries, checkpoints {old[1]} and {new[1]}, log {old[0]}")
    return lines


def main() -> int:
    """Read the command line, check, speak."""
    raw = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("bundle", nargs="?", default=str(Path(__file__).resolve().parent))
    parser.add_argument("--key", required=True, help="公钥指纹 the fingerprint that the owner gave")
    parser.add_argument("--checkpoint", help="手里的检查点 a checkpoint from a mail")
    asked = parser.parse_args()
    fingerprint = re.sub(r"[\s:]", "", asked.key).lower()
    try:
        mailed = Path(asked.checkpoint).read_text("utf-8") if asked.checkpoint else None
        lines = check(Files(asked.bundle), fingerprint, mailed)
    except (Wrong, ValueError, KeyError, TypeError, IndexError) as fault:
        sys.stdout.write(f"不成立 DOES NOT HOLD: {fault}\n")
        return 1
    except (OSError, zipfile.BadZipFile) as fault:
        sys.stdout.write(f"无法核验 could not be tried: {fault}\n")
        return 2
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    getattr(sys.stdout, "reconfigure", dict)(encoding="utf-8")
    sys.exit(main())
