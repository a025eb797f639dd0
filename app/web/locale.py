"""Choosing the language, and writing texts, dates, numbers and money in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app, g, has_request_context, request

from app.access.actor import Actor
from app.kernel.messages import Label, Message

LANGUAGES: Mapping[str, str] = {"zh": "中文", "en": "English"}
TEXTS = "portal_texts"
SYMBOLS = {"CNY": "¥", "USD": "$", "EUR": "€", "HKD": "HK$", "GBP": "£", "JPY": "JP¥"}


def choose_language(chosen: str | None, actor: Actor, default: str) -> str:
    """The language of a request: ``chosen`` in this session, kept for the account, asked by the browser, default."""
    for choice in (request.args.get("_l_"), chosen, actor.language):
        if choice in LANGUAGES:
            return str(choice)
    return request.accept_languages.best_match(list(LANGUAGES)) or default


def selected_locale() -> str:
    """The locale for Flask-Babel: that of the request's scope."""
    found = getattr(g, "portal_scope", None) if has_request_context() else None
    if found is not None:
        return "zh" if found.language == "zh" else "en"
    return (
        request.accept_languages.best_match(list(LANGUAGES)) or "zh"
        if has_request_context()
        else "zh"
    )


def say(message: Message | Label | str, language: str) -> str:
    """A message or label in the reader's language."""
    if isinstance(message, Label):
        return message.text(language)
    if isinstance(message, str):
        return message
    values = {name: say(value, language) if isinstance(value, Message | Label) else shown(value, language)
              for name, value in message.values.items()}  # fmt: skip
    said = translated(message.text, language)
    return said % values if values else said


def translated(text: str, language: str) -> str:
    """One of the product's own texts, from the catalogs that the application holds."""
    catalog = current_app.extensions[TEXTS].get(language)
    return catalog.gettext(text) if catalog is not None else text


def shown(value: Any, language: str) -> str:
    """A plain value inside a sentence."""
    if isinstance(value, bool):
        return {True: {"zh": "是", "en": "yes"}, False: {"zh": "否", "en": "no"}}[value][language]
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def number_text(value: int | Decimal) -> str:
    """A number with thousands separators, as both languages write it."""
    return f"{value:,}"


def money_text(value: Decimal, currency: str) -> str:
    """An amount with its currency."""
    sign = "-" if value < 0 else ""
    return f"{sign}{SYMBOLS.get(currency, currency + ' ')}{abs(value):,.2f}"


def datetime_text(value: datetime, zone: ZoneInfo) -> str:
    """A moment on the reader's clock."""
    return value.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def time_text(value: time) -> str:
    """A time of day."""
    return value.strftime("%H:%M")


def duration_text(minutes: int) -> str:
    """A duration as hours and minutes."""
    return f"{minutes // 60}:{minutes % 60:02d}"


def month_text(value: date) -> str:
    """A month."""
    return value.strftime("%Y-%m")
