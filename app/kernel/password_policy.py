"""What a password that somebody chooses must be, by the rules that a deployment follows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from app.kernel.common_words import NUMBERS, WORDS, walked
from app.kernel.messages import Message, _l
from app.kernel.strength import DISGUISE, is_default_password

LONGEST_LINE = 128
FEWEST_DIGITS = 5
MOST_LEFT = 2
DATE = re.compile(r"(?:19|20)\d\d(?:[01]\d(?:[0-3]\d)?)?|\d\d[01]\d[0-3]\d|[01]\d[0-3]\d")
MOBILE = re.compile(r"1[3-9]\d{9}")
CLASSES = ("[a-z]", "[A-Z]", "[0-9]", "[^A-Za-z0-9]")


@dataclass(frozen=True, slots=True)
class Policy:
    """``classes`` of four: small and capital letters, digits, others. Zero ``lasts`` is for ever."""

    name: str
    shortest: int
    classes: int
    lasts: timedelta
    remembered: int
    breached: Path | None = None


MLPS2 = Policy("mlps2", 10, 3, timedelta(days=90), 5)
ASVS = Policy("asvs", 12, 1, timedelta(0), 0)
POLICIES = {one.name: one for one in (MLPS2, ASVS)}


def faults_of(password: str, policy: Policy, names: Iterable[str]) -> Iterator[Message]:
    """Everything that speaks against a password; ``names`` are those of the account and its person."""
    if len(password) < policy.shortest:
        yield _l("A password has at least %(count)s characters.", count=policy.shortest)
    if sum(re.search(kind, password) is not None for kind in CLASSES) < policy.classes:
        yield _l(
            "A password has at least %(count)s of these: small letters, capital letters, digits, other characters.",
            count=policy.classes,
        )
    if is_common(password, names):
        yield _l("This password is one of the first that anybody would try.")
    elif policy.breached is not None and is_breached(password, policy.breached):
        yield _l("This password is on a list of stolen passwords.")


def is_common(password: str, names: Iterable[str] = ()) -> bool:
    """Whether it is made of habits, names, dates and rows of digits alone, such as woaini1314 or wangwei19900101."""
    known = tuple(names)
    if any(is_default_password(password, name) for name in ("", *known)):
        return True
    word, digits = re.fullmatch(r"(.*?)(\d*)", password, re.DOTALL).groups()  # type: ignore[union-attr]
    bare = word.translate(DISGUISE) + digits
    return any(_consumed(text, known) for text in (password, bare))


def is_breached(password: str, place: Path) -> bool:
    """Whether a sorted file in the form of Have I Been Pwned names the SHA-1 of the password.

    A line holds the hash or its beginning, and may go on with a colon and a count.
    """
    digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    with place.open("rb") as file:
        low, high = 0, file.seek(0, 2)
        while low < high:
            middle = (low + high) // 2
            file.seek(middle)
            if middle:
                file.readline(LONGEST_LINE)
            line = file.readline(LONGEST_LINE)
            if line and line.strip().upper().partition(b":")[0] <= digest:
                low = middle + 1
            else:
                high = middle
        return _names(file, max(0, low - LONGEST_LINE), digest)


# Private


def _names(file: object, begin: int, digest: bytes) -> bool:
    """Whether one of the lines around a place is the beginning of the digest."""
    file.seek(begin)  # type: ignore[attr-defined]
    lines = file.read(3 * LONGEST_LINE).upper().split()  # type: ignore[attr-defined]
    heads = (line.partition(b":")[0] for line in lines)
    return any(len(head) >= FEWEST_DIGITS and digest.startswith(head) for head in heads)


def _consumed(password: str, names: tuple[str, ...]) -> bool:
    """Whether nothing is left of it once the usual pieces are taken away, or hardly anything."""
    words = {name.lower() for name in names if len(name) > 1}
    plain = MOBILE.sub(" ", password.lower())
    # Ways over the keyboard may run through a word, or words lie within a way.
    return any(len(_rest(text, words)) <= MOST_LEFT for text in (plain, _unwalked(plain)))


def _rest(text: str, words: set[str]) -> str:
    for piece in sorted({*words, *WORDS, *NUMBERS}, key=len, reverse=True):
        text = text.replace(piece, " ")
    text = re.sub(r"(.)\1+", " ", _unwalked(DATE.sub(" ", text)))
    return re.sub(r"[\s!@#$%.,_*?~+-]", "", text)


def _unwalked(text: str) -> str:
    for begin, end in reversed(list(walked(text))):
        text = f"{text[:begin]} {text[end:]}"
    return text
