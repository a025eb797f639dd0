"""Fills an empty database with the demo chain, in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from time import monotonic

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session, sessionmaker

from app.features.demo.accounts import build_accounts, keep_passwords
from app.features.demo.assets import build_assets
from app.features.demo.canaries import build_canaries
from app.features.demo.care import build_care
from app.features.demo.chain import build_chain
from app.features.demo.checklists import build_checklists
from app.features.demo.customers import build_customers
from app.features.demo.desk import build_desk
from app.features.demo.grants import build_grants
from app.features.demo.indexes import without_indexes
from app.features.demo.learning import build_learning
from app.features.demo.leaving import build_leaving
from app.features.demo.non_competes import build_non_competes
from app.features.demo.papers import build_papers
from app.features.demo.partners import build_partners
from app.features.demo.people import build_people
from app.features.demo.presence import build_presence
from app.features.demo.reference import build_reference
from app.features.demo.risk import build_risk
from app.features.demo.stage import SMALL, Stage
from app.features.demo.story import build_story
from app.kernel.errors import Refused
from app.kernel.messages import Message, _l
from app.language.definitions import Schema
from app.records.accounts import NewAccount
from app.records.runtime import Runtime

NEEDED = ("org_unit", "store", "staff", "customer", "offboarding_case", "role_assignment")
LARGEST_SCALE = 200
PARTS: tuple[Callable[[Stage], None], ...] = (
    build_reference,
    build_assets,
    build_checklists,
    build_chain,
    build_people,
    build_papers,
    build_non_competes,
    build_presence,
    build_customers,
    build_story,
    build_partners,
    build_grants,
    build_leaving,
    build_care,
    build_learning,
    build_risk,
    build_desk,
    build_canaries,
)


def load_demo(
    runtime: Runtime,
    owner: Engine,
    app: Engine,
    *,
    scale: int = 1,
    say: Callable[[Message], None] = lambda message: None,
) -> None:
    """Fill the database; ``scale`` multiplies customers, and staff and stores with them.

    Raises Refused when the database already holds records or another kind of portal. When it
    fails, nothing stays behind.
    """
    if not 1 <= scale <= LARGEST_SCALE:
        raise Refused(_l("The scale lies between 1 and %(most)s.", most=LARGEST_SCALE))
    _refuse_other_portals(runtime.schema)
    _refuse_filled(owner, runtime.schema)
    _release_first_account(owner)
    started = monotonic()
    say(_l("Filling the database with the demo chain …"))
    large = without_indexes(owner, runtime.models) if scale > SMALL else nullcontext()
    with large:
        made = _fill(runtime, app, scale, say)
    keep_passwords(owner, made)
    _tidy(owner)
    seconds = round(monotonic() - started)
    say(_l("The demo chain is ready after %(seconds)s s.", seconds=seconds))


def fits_demo(schema: Schema) -> bool:
    """Whether the schema is the one that the demo is made for."""
    return all(name in schema.entities for name in NEEDED)


# Private


def _fill(
    runtime: Runtime, app: Engine, scale: int, say: Callable[[Message], None]
) -> list[NewAccount]:
    with sessionmaker(app, autoflush=False, expire_on_commit=False)() as session, session.begin():
        stage = Stage(runtime, session, scale, say)
        _without_limit(session)
        for part in PARTS:
            part(stage)
        return build_accounts(stage)


def _release_first_account(owner: Engine) -> None:
    """The demo brings its own accounts; the first one goes, if nobody has used it yet."""
    with owner.begin() as connection:
        if connection.scalar(text("SELECT 1 FROM ab_user WHERE last_login IS NOT NULL LIMIT 1")):
            raise Refused(_l("The demo is only loaded into a database that nobody has used yet."))
        connection.execute(text("DELETE FROM role_assignment"))
        connection.execute(text("DELETE FROM ab_user"))


def _refuse_other_portals(schema: Schema) -> None:
    missing = [name for name in NEEDED if name not in schema.entities]
    if missing:
        raise Refused(
            _l(
                "The demo belongs to another schema: this one has no %(names)s.",
                names=", ".join(missing),
            )
        )


def _refuse_filled(owner: Engine, schema: Schema) -> None:
    with owner.connect() as connection:
        for entity in schema.entities.values():
            if entity.external_table is None and not entity.system:
                quoted = connection.dialect.identifier_preparer.quote(entity.name)
                if connection.scalar(text(f"SELECT 1 FROM {quoted} LIMIT 1")):  # noqa: S608 - our own name
                    raise Refused(
                        _l(
                            "The demo is only loaded into an empty database; this one holds %(name)s.",
                            name=entity.label,
                        )
                    )


def _without_limit(session: Session) -> None:
    """A statement over a million rows may take longer than one of a page."""
    session.execute(text("SET LOCAL statement_timeout = 0"))


def _tidy(owner: Engine) -> None:
    """Tell the planner what is there, so that the first pages are as quick as the later ones."""
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("RESET statement_timeout"))
