"""Texts in cells of spreadsheets: none is taken for a formula, and each can be read back as it was."""

from __future__ import annotations

# What begins a formula in one spreadsheet or another (OWASP ASVS 1.2.10), full-width forms included.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
MARK = "'"


def safe_cell(text: str) -> str:
    """A text for a cell without a type: an apostrophe stands before what could be a formula."""
    return f"{MARK}{text}" if _could_be_formula(text) else text


def plain_cell(text: str) -> str:
    """The text that ``safe_cell`` was given."""
    marked = text.startswith(MARK) and _could_be_formula(text[1:])
    return text[1:] if marked else text


# Private


def _could_be_formula(text: str) -> bool:
    """Spaces and apostrophes before it do not count: programs strip them, and so nothing is ambiguous."""
    return text.lstrip(" '\u00a0\u3000\ufeff").startswith(DANGEROUS)
