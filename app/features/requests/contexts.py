"""What the templates of requests receive: texts are already in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass

from app.web.contexts import Crumb, ViewLink


@dataclass(frozen=True, slots=True)
class RequestLine:
    """A request in the list."""

    id: int
    url: str
    title: str
    who: str
    at: str
    until: str
    state: str
    tone: str
    urgent: bool
    overdue: bool


@dataclass(frozen=True, slots=True)
class RequestsContext:
    """``requests/list.html``"""

    title: str
    views: tuple[ViewLink, ...]
    lines: tuple[RequestLine, ...]
    nothing: str
    advice: str
    older_url: str
    breadcrumbs: tuple[Crumb, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of a request; with an address where it leads somewhere."""

    label: str
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class RequestContext:
    """``requests/one.html``; the empty address of a form stands for a form that is not there."""

    title: str
    state: str
    tone: str
    facts: tuple[Fact, ...]
    about: tuple[Fact, ...]
    guarded: str
    overdue: bool
    version: int
    decide_url: str
    withdraw_url: str
    next_url: str
    next_label: str
    why: str
    problem: str
    breadcrumbs: tuple[Crumb, ...]
