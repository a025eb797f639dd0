"""Holds open sessions back whose account has come to need a second factor, until it was shown in them."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from app.access.sessions import SessionKind, Sitting, Stage
from app.records.second_factor import factor_of
from app.storage.tables import DEMO
from app.web.state import Scope


def as_far_as_proved(here: Scope, sitting: Sitting) -> Sitting | None:
    """The session as it stands without the factor that a role of today asks for; None when nothing is missing.

    Roles begin on a day and change with the schema; the session was let in under what held before. A demo asks nobody.
    """
    asked = any(grant.role.second_factor for grant in here.actor.grants)
    shown = sitting.factor_at is not None or sitting.kind != SessionKind.BROWSER
    if not asked or shown or not here.state.settings.second_factor:
        return None
    if here.session.scalar(select(DEMO.c.username).limit(1)):
        return None
    enrolled = factor_of(here.session, sitting.account_id) is not None
    return replace(sitting, stage=Stage.FACTOR if enrolled else Stage.ENROL)
