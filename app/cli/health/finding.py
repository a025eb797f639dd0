"""One line of the doctor's: what was looked at, how it stands, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from app.kernel.messages import Label, Message


class Grade(StrEnum):
    """How something stands; a fault makes the command fail."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


GRADES: Mapping[Grade, Label] = MappingProxyType(
    {
        Grade.OK: Label("正常", "ok     "),
        Grade.WARNING: Label("注意", "warning"),
        Grade.FAULT: Label("故障", "fault  "),
    }
)


@dataclass(frozen=True, slots=True)
class Finding:
    """``check`` is a name for programs; ``says`` tells a warning or fault with its remedy."""

    check: str
    grade: Grade
    says: Message


def fine(check: str, says: Message) -> Finding:
    """As it should be."""
    return Finding(check, Grade.OK, says)


def careful(check: str, says: Message) -> Finding:
    """It works, but somebody should look at it."""
    return Finding(check, Grade.WARNING, says)


def faulty(check: str, says: Message) -> Finding:
    """It does not work, or is not safe."""
    return Finding(check, Grade.FAULT, says)
