"""Texts as plain values: marked for translation here, put into a language at the rim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

NO_VALUES: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Label:
    """A text of the schema, written in Chinese and English where the thing is declared."""

    zh: str
    en: str
    en_plural: str = ""

    def text(self, language: str) -> str:
        """The text in ``zh`` or ``en``; any other language falls back to English."""
        return self.zh if language.startswith("zh") else self.en

    def plural(self, language: str) -> str:
        """The name of many of them; Chinese has no plural form."""
        return self.zh if language.startswith("zh") else (self.en_plural or self.en)


@dataclass(frozen=True, slots=True)
class Message:
    """A translatable sentence with named values, rendered by whoever shows it.

    Values may be plain values, Labels or other Messages.
    """

    text: str
    values: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return self.text % {name: str_in(value, "en") for name, value in self.values.items()}


def str_in(value: object, language: str) -> str:
    """A label or plain value as text in ``language``."""
    return value.text(language) if isinstance(value, Label) else str(value)


def _l(text: str, **values: object) -> Message:
    """Mark an English sentence for translation; ``%(name)s`` stands for a value."""
    return Message(text, MappingProxyType(values) if values else NO_VALUES)
