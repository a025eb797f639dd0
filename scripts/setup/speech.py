"""Speaks Chinese and English: the language of the reader is not known yet."""

from __future__ import annotations

import sys
from typing import NoReturn


def note(zh: str, en: str) -> None:
    """Say what is being done."""
    print(f"{zh} {en}", file=sys.stderr, flush=True)


def stop(zh: str, en: str) -> NoReturn:
    """Say why it goes no further, and end."""
    sys.exit(f"{zh}\n{en}")
