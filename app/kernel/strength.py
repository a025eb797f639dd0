"""Whether a secret could be guessed: keys that look made by hand, passwords that everybody knows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from app.kernel.messages import Message, _l

SHORTEST_KEY_BYTES = 32
FEWEST_SYMBOLS = 8
LONGEST_PERIOD = 16
# Longer ones first, so that "changeme" goes before "change".
KNOWN_WORDS = (
    "administrator", "storewarden", "flaskapp", "superuser", "foobared", "changeme", "changeit",
    "password", "passwort", "insecure", "postgres", "iloveyou", "qwertyuiop", "asdfghjkl",
    "default", "example", "welcome", "letmein", "replace", "zxcvbnm", "django", "qwerty", "secret",
    "portal", "please", "change", "redis", "flask", "admin", "guest", "login", "mima", "root",
    "test", "demo", "pass", "user", "this", "your", "word", "abc", "key", "dev", "owner", "app", "me",
)  # fmt: skip
# A key of hexadecimal digits may well hold "abc" by chance.
LONG_WORDS = tuple(word for word in KNOWN_WORDS if len(word) > 3)
WORDS_ONLY = re.compile(r"[A-Za-z][a-z]{1,11}([ _.,\-]+[A-Za-z][a-z]{0,11}){2,}[.!?]?")
DISGUISE = str.maketrans({"@": "a", "0": "o", "1": "l", "3": "e", "$": "s", "5": "s", "!": "i"})


def weakness_of_key(key: str) -> Message | None:
    """What makes a signing key guessable, as the end of "The key is …"; None for a good one."""
    if len(key.encode()) < SHORTEST_KEY_BYTES:
        return _l("shorter than %(count)s bytes", count=SHORTEST_KEY_BYTES)
    if _repeats(key) or len(set(key)) < FEWEST_SYMBOLS:
        return _l("made of a few characters that repeat")
    if _counts_up(key):
        return _l("a row of characters in order")
    if len(_unknown_letters(key, LONG_WORDS)) * 2 < len(_letters(key)):
        return _l("made of words that everybody tries first")
    if WORDS_ONLY.fullmatch(key):
        return _l("made of plain words")
    return None


def is_default_password(password: str, username: str = "") -> bool:
    """Whether it is empty, or only known words, the user's name, and digits in order or repeated."""
    if len(_letters(password)) == 0:
        return len(password) < 8 or _repeats(password) or _counts_up(password)
    return any(
        len(_unknown_letters(text, (_letters(username), *KNOWN_WORDS))) <= len(text) // 8
        for text in (password, password.translate(DISGUISE))
    )


def first_tries(username: str) -> tuple[str, ...]:
    """What a stranger would try first for an account."""
    return (username, f"{username}123", f"{username}123456", username * 2, "admin", "password",
            "123456", "1234567890", "password123", "admin123456", "changeme")  # fmt: skip


# Private


def _repeats(text: str) -> bool:
    """Whether a short piece stands again and again."""
    return any(
        text == (text[:period] * len(text))[: len(text)]
        for period in range(1, min(LONGEST_PERIOD, len(text) // 2) + 1)
    )


def _counts_up(text: str) -> bool:
    """Whether most neighbours differ by the same small step, as in 0123… or zyx…."""
    steps = [ord(right) - ord(left) for left, right in pairwise(text)]
    return max(steps.count(step) for step in (-1, 0, 1)) * 2 > len(steps)


def _letters(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalpha())


def _unknown_letters(text: str, words: Iterable[str]) -> str:
    """The letters that are left without the words."""
    left = _letters(text)
    for word in words:
        left = left.replace(word, "") if word else left
    return left
