"""The two walls around rows, each looked at with the other taken down, and both together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, select, text
from sqlalchemy.orm import Session

from app.access.accounts import load_actor
from app.access.actor import Actor
from app.access.permissions import Access
from app.access.second_wall import wall_of
from app.access.session_scope import bind, install, scope_options
from app.language.definitions import Deletion, Entity, Rights
from app.storage.database import make_sessions
from app.storage.walls import ENGINE, set_actor
from tests.support.portals import Portal

Found = dict[str, set[int]]


@contextmanager
def bare(portal: Portal, actor: Actor | None) -> Iterator[Connection]:
    """A connection as the application's database role with nothing of the product in between."""
    engine = create_engine(portal.engines.app.url)
    try:
        with engine.connect() as connection:
            if actor is not None:
                set_actor(connection, wall_of(actor, portal.runtime.moment()))
            yield connection
    finally:
        engine.dispose()


def actor_of(portal: Portal, account: int) -> Actor:
    """Who is behind an account."""
    runtime = portal.runtime
    with Session(portal.engines.app) as session:
        return load_actor(session, portal.schema, runtime.models, account, runtime.moment().today)


def kept(portal: Portal) -> list[Entity]:
    """The entities with tables of their own."""
    return [entity for entity in portal.schema.entities.values() if not entity.external_table]


def through_the_session(portal: Portal, actor: Actor, *, second_wall: bool) -> Found:
    """The rows that the session's scope lets through, deleted ones left out."""
    runtime = portal.runtime
    sessions = make_sessions(portal.engines.app)
    install(sessions)
    session: Session = sessions()
    access = Access(portal.schema, actor)
    bind(session, scope_options(access, runtime.models, runtime.moment()))
    try:
        if not second_wall:
            set_actor(session, ENGINE)
        return {
            entity.name: set(session.scalars(select(runtime.models.classes[entity.name].id)))
            for entity in kept(portal)
            if access.entity(entity.name).allows(Rights.READ)
        }
    finally:
        sessions.remove()


def second_wall_alone(portal: Portal, actor: Actor | None) -> Found:
    """The rows that raw SQL through the application's role finds."""
    found = {}
    with bare(portal, actor) as connection:
        for entity in kept(portal):
            alive = " WHERE deleted_at IS NULL" if entity.deletion is Deletion.SOFT else ""
            rows = connection.execute(text(f'SELECT id FROM "{entity.name}"{alive}'))
            found[entity.name] = set(rows.scalars())
    return found
