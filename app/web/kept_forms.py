"""What was sent after the session had ended is kept, so that whoever signs in again finds it as it was.

Only forms with a mark are kept, for the account they were drawn for; what nobody may keep is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from flask import request
from werkzeug.datastructures import MultiDict

from app.language.definitions import Schema
from app.records.kept_forms import Shelf
from app.storage.database import unit_of_work
from app.web.marks import FIELD, mark_of
from app.web.state import Scope

ADDRESS = "/kept/"
NAME = re.compile(r"/kept/([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class KeptForm:
    """A form as it was sent; ``files`` are the names of those that were not kept."""

    path: str
    form: MultiDict[str, str]
    files: tuple[str, ...]


def keep_sent(here: Scope) -> str:
    """Keep the form of this request; returns where it is found again, or nothing when it is none to keep."""
    mark = mark_of(request.form, here.state.settings.secret_key)
    if request.method != "POST" or mark is None or request.headers.get("HX-Request"):
        return ""
    secret = _secrets(here.schema, request.path)
    sent = [
        (name, text)
        for name, text in request.form.items(multi=True)
        if name != "csrf_token" and name.rpartition(".")[2] not in secret
    ]
    files = [str(one.filename) for _, one in request.files.items(multi=True) if one.filename]
    plain = json.dumps([request.path, sent, files], ensure_ascii=False).encode()
    here.session.rollback()
    with unit_of_work(here.session):
        return ADDRESS + _shelf(here, mark.account).keep(plain)


def kept_form(here: Scope, name: str) -> KeptForm | None:
    """A kept form of the reader's own; None when there is none of that name."""
    plain = _shelf(here, here.actor.account_id or 0).find(name)
    if plain is None:
        return None
    path, sent, files = json.loads(plain)
    return KeptForm(path, MultiDict([(str(n), str(text)) for n, text in sent]), tuple(files))


def typed_in(form: MultiDict[str, str]) -> list[tuple[str, str]]:
    """What a reader typed, without what the form itself sends along."""
    own = ("csrf_token", "version", "once", FIELD)
    return [(name, text) for name, text in form.items(multi=True) if name not in own]


def leads_to_kept(address: str) -> bool:
    """Whether an address is that of a kept form."""
    return NAME.fullmatch(address) is not None


# Private


def _shelf(here: Scope, account_id: int) -> Shelf:
    now = here.state.runtime.clock.now()
    return Shelf(here.session, here.state.settings.secret_key, account_id, now)


def _secrets(schema: Schema, path: str) -> set[str]:
    """The fields of the form that are never shown again, in its rows as well."""
    entity = schema.entities.get(path.split("/")[1])
    if entity is None:
        return set()
    rows: Iterable[str | None] = (f.target for f in entity.fields.values() if f.type == "children")
    owners = (entity, *(schema.entities[str(name)] for name in rows))
    return {f.name for owner in owners for f in owner.fields.values() if f.type == "secret"}
