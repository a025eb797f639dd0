"""The views that a reader keeps for himself: a name for the filters of a list."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from app.kernel.errors import NotFound
from app.language.definitions import Entity
from app.records.reading import LARGEST_ID
from app.storage.database import unit_of_work
from app.storage.tables import SAVED_VIEW
from app.web.addresses import read_asked
from app.web.state import Scope

LONGEST_NAME = 80


def keep_view(here: Scope, entity: Entity, name: str, typed: str) -> str | None:
    """Keep the filters of an address under a name, sealed where they tell of people; None without a name."""
    asked = read_asked(dict(parse_qsl(typed)), entity, here.sealer)
    kept = replace(asked, page=1, seal=here.sealer.seal_lasting)
    query = urlencode(kept.query())
    short = name.strip()[:LONGEST_NAME]
    if not short:
        return None
    values = {
        "account_id": here.actor.account_id,
        "entity": entity.name,
        "name": short,
        "query": query,
    }
    keys = ["account_id", "entity", "name"]
    statement = insert(SAVED_VIEW).values(values)
    with unit_of_work(here.session):
        here.session.execute(
            statement.on_conflict_do_update(index_elements=keys, set_={"query": query})
        )
    return query


def forget_view(here: Scope, number: int) -> None:
    """Forget one's own view; raises NotFound for any other."""
    own = (SAVED_VIEW.c.id == number, SAVED_VIEW.c.account_id == here.actor.account_id)
    with unit_of_work(here.session):
        if number > LARGEST_ID or here.session.scalar(select(SAVED_VIEW.c.id).where(*own)) is None:
            raise NotFound
        here.session.execute(delete(SAVED_VIEW).where(*own))
