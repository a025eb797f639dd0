"""What a request stands on: the portal, the actor, and the door to records."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import cached_property
from time import monotonic
from typing import Any

from flask import Flask, current_app, g, request
from sqlalchemy.orm import Session
from sqlalchemy.orm.scoping import scoped_session

from app.access.accounts import Standing, load_actor
from app.access.actor import NOBODY, Actor
from app.access.permissions import Access
from app.access.session_scope import Options, scope_options
from app.access.sessions import Sitting
from app.language.definitions import Schema
from app.records.gateway import Records
from app.records.runtime import Runtime
from app.records.showing import Watch, watch
from app.settings import Settings
from app.web.questions import Sealer

EXTENSION = "storewarden"
MAX_CACHED_ACTORS = 500
SLOW_SECONDS = 0.05


@dataclass(frozen=True)
class KnownActor:
    """An actor with its decisions, good until rights change or the minute is over."""

    stamp: tuple[Any, ...]
    access: Access
    options: Options
    # What was slow to find out, with the moment at which it was.
    kept: dict[str, tuple[float, Any]] = field(default_factory=dict, compare=False)
    locks: dict[str, threading.Lock] = field(default_factory=dict, compare=False)
    # What is noted already as looked at or searched for, by what it is and when, as far as this process knows.
    noted: dict[Hashable, set[Any]] = field(default_factory=dict, compare=False)

    @property
    def epoch(self) -> int:
        """Sessions and tokens of another epoch are over."""
        return int(self.stamp[2])

    def remembered(self, key: str, seconds: float) -> Any | None:
        """What was kept under ``key`` within so many seconds; None when there is nothing."""
        moment, found = self.kept.get(key, (0.0, None))
        return found if found is not None and monotonic() - moment < seconds else None

    def worked_out(self, key: str, seconds: float, make: Callable[[], Any]) -> Any:
        """What ``make`` gives or gave within so many seconds, kept when it was slow.

        Whoever asks for the same meanwhile waits for it, instead of working it out as well.
        """
        with self.locks.setdefault(key, threading.Lock()):
            known = self.remembered(key, seconds)
            if known is not None:
                return known
            begun = monotonic()
            found = make()
            if monotonic() - begun > SLOW_SECONDS:
                self.kept[key] = monotonic(), found
            return found


@dataclass
class PortalState:
    """One revision of the portal in one process."""

    runtime: Runtime
    sessions: scoped_session[Session]
    settings: Settings
    actors: dict[int, KnownActor] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    # Who hears what is about to be shown to a reader, and raises to keep it.
    watcher: Callable[[Scope], Watch] | None = None

    @property
    def schema(self) -> Schema:
        """The compiled schema."""
        return self.runtime.schema

    def known_actor(self, session: Session, account_id: int, standing: Standing) -> KnownActor:
        """The actor of an active account that stands like this."""
        _, counter, epoch = standing
        moment = self.runtime.moment()
        stamp = (counter, moment.now.replace(second=0, microsecond=0), epoch)
        known = self.actors.get(account_id)
        if known is not None and known.stamp == stamp:
            return known
        # Roles begin and end with the day of the portal's own zone, not with that of UTC.
        day = known.stamp[1].astimezone(moment.zone).date() if known is not None else None
        if known is None or known.stamp[0] != counter or day != moment.today:
            actor = load_actor(session, self.schema, self.runtime.models, account_id, moment.today)
            access = Access(self.schema, actor)
            known = KnownActor(stamp, access, scope_options(access, self.runtime.models, moment))
        else:
            options = scope_options(known.access, self.runtime.models, moment)
            known = replace(known, stamp=stamp, options=options)
        with self.lock:
            if len(self.actors) > MAX_CACHED_ACTORS:
                self.actors.clear()
            self.actors[account_id] = known
        return known

    def forget(self, account_id: int) -> None:
        """Load the actor of an account anew at its next request."""
        self.actors.pop(account_id, None)


class Scope:
    """One request: who asks, in which language, and the door to records."""

    def __init__(
        self, state: PortalState, sitting: Sitting | None, choose_language: Callable[[Actor], str]
    ) -> None:
        self.state = state
        self.session: Session = state.sessions()
        self.sitting = sitting
        known = (
            state.known_actor(self.session, sitting.account_id, sitting.standing)
            if sitting is not None and sitting.whole
            else None
        )
        self.known = known
        self.actor = known.access.actor if known else NOBODY
        self.access = known.access if known else Access(state.schema, NOBODY)
        self.language = choose_language(self.actor)
        if state.watcher is not None and known is not None:
            watch(self.session, state.watcher(self))

    @property
    def schema(self) -> Schema:
        """The compiled schema."""
        return self.state.schema

    @cached_property
    def records(self) -> Records:
        """The door, opened for the actor."""
        return Records(
            self.state.runtime,
            self.session,
            self.access,
            self.language,
            options=self.known.options if self.known else None,
            address=request.remote_addr,
        )

    @cached_property
    def sealer(self) -> Sealer:
        """Seals what the actor types, for addresses."""
        today = self.state.runtime.moment().today
        return Sealer(self.state.settings.secret_key, self.actor.account_id or 0, today)


def install_state(app: Flask, state: PortalState) -> None:
    """Keep the state with the application."""
    app.extensions[EXTENSION] = state


def state() -> PortalState:
    """The state of the current application."""
    found: PortalState = current_app.extensions[EXTENSION]
    return found


def scope() -> Scope:
    """The scope of the current request."""
    found: Scope = g.portal_scope
    return found
