"""What the sign-in page and the sign-in of programs do alike: count, check, note, and begin a session."""

from __future__ import annotations

import re
from datetime import datetime

from flask import request
from sqlalchemy import select

from app.access.accounts import load_actor
from app.access.sessions import Sitting, Stage
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.kernel.errors import ErrorCode, PortalError, TooMany
from app.kernel.messages import _l
from app.records.accounts import username_of
from app.records.attempts import forgive, second_factor_bucket, sign_in_buckets, wait_of
from app.records.policies import policy_of
from app.records.second_factor import FactorKey, factor_of, take_code
from app.records.signing_in import Proved, known, note_sign_in, prove
from app.storage.database import unit_of_work
from app.storage.tables import DEMO
from app.web.sessions import FOLLOWING, begin, current_session
from app.web.state import scope, state

LONGEST = 200
# One slash, then anything but what browsers read as another slash or leave out.
OWN_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x1f\x7f]*")
WRONG = _l("The user name or the password is wrong.")


class WrongPassword(PortalError):
    """No such account, another password, or an account that is closed: all look the same."""

    code = ErrorCode.UNAUTHENTICATED
    status = 401

    def __init__(self) -> None:
        super().__init__(WRONG)


class WrongCode(PortalError):
    """Not a code of this moment, one that was taken before, or no recovery code."""

    code = ErrorCode.UNAUTHENTICATED
    status = 401

    def __init__(self) -> None:
        super().__init__(_l("The code is wrong or was used already."))


def prove_password(username: str, password: str) -> Proved:
    """The account of this name and password; raises TooMany and WrongPassword, which is noted."""
    here, settings = scope(), state().settings
    now, buckets = state().runtime.clock.now(), sign_in_buckets(username, request.remote_addr or "")
    with unit_of_work(here.session):
        wait = wait_of(here.session, buckets, now)
    if wait:
        raise TooMany(wait)
    readable = "\0" not in username + password
    with unit_of_work(here.session):
        name, tried = (username, password) if readable else ("", "")
        proved = prove(here.session, name, tried, policy_of(settings), now)
        if proved is None:
            note(AuditAction.SIGN_IN_REFUSED, None, username.replace("\0", ""))
        else:
            forgive(here.session, buckets)
    if proved is None:
        raise WrongPassword
    return proved


def prove_code(account_id: int, code: str) -> None:
    """A good second factor of an account; raises TooMany and WrongCode, which is noted."""
    here, now = scope(), state().runtime.clock.now()
    bucket = (second_factor_bucket(account_id),)
    with unit_of_work(here.session):
        wait = wait_of(here.session, bucket, now)
    if wait:
        raise TooMany(wait)
    with unit_of_work(here.session):
        key = FactorKey(state().settings.secret_key)
        good = take_code(here.session, account_id, code.replace("\0", "")[:LONGEST], key, now)
        if good:
            forgive(here.session, bucket)
        else:
            username = username_of(here.session, account_id)
            note(AuditAction.FACTOR_REFUSED, account_id, username)
    if not good:
        raise WrongCode


def admit(proved: Proved, following: str, factor_at: datetime | None = None) -> None:
    """Begin the browser's session as far as it may go, in the caller's transaction."""
    stage, own = next_stage(proved, factor_at), current_session()
    own.pop(FOLLOWING, None)
    if stage != Stage.WHOLE and following != "/":
        own[FOLLOWING] = following
    begin(proved.account_id, stage, factor_at)
    if stage == Stage.WHOLE:
        note_sign_in(scope().session, proved.account_id, state().runtime.clock.now())
        note(AuditAction.SIGNED_IN, proved.account_id, proved.username)


def next_stage(proved: Proved, factor_at: datetime | None = None) -> Stage:
    """What is left to do before the account is let in."""
    enrolled = factor_of(scope().session, proved.account_id) is not None
    if enrolled and factor_at is None:
        return Stage.FACTOR
    if proved.must_change:
        return Stage.PASSWORD
    done = factor_at is not None or not needs_factor(proved.account_id)
    return Stage.WHOLE if done else Stage.ENROL


def needs_factor(account_id: int) -> bool:
    """Whether a role of the account asks for a second factor; a demo asks nobody."""
    here, runtime = scope(), state().runtime
    if not state().settings.second_factor or here.session.scalar(select(DEMO.c.username).limit(1)):
        return False
    today = runtime.moment().today
    actor = load_actor(here.session, runtime.schema, runtime.models, account_id, today)
    return any(grant.role.second_factor for grant in actor.grants)


def go_on(sitting: Sitting, factor_at: datetime | None) -> str:
    """Take the next step of a sign-in, in the caller's transaction; where it leads."""
    here, now = scope(), state().runtime.clock.now()
    following = safe_path(str(current_session().get(FOLLOWING, "")))
    proved = known(here.session, sitting.account_id, policy_of(state().settings), now)
    admit(proved, following, factor_at)
    return following


def safe_path(target: str) -> str:
    """A path of this portal, else the home page."""
    return target if OWN_PATH.fullmatch(target) else "/"


def note(action: AuditAction, account_id: int | None, username: str) -> None:
    """Write who signed in or out, or was refused, into the trail, in the caller's transaction."""
    here = scope()
    entry = Entry(
        at=state().runtime.clock.now(),
        account_id=account_id,
        account_name=username[:80],
        action=action,
        revision=here.state.runtime.revision,
        address=request.remote_addr,
    )
    append(here.session, entry)
