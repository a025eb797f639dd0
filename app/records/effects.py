"""What comes with a step: changes of other records, by the right to take the step alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.actor import system_actor
from app.access.permissions import Access
from app.access.session_scope import OPTIONS, RAISED, bind, scope_options
from app.kernel.errors import Refused
from app.kernel.messages import Label, Message, _l
from app.language.definitions import Entity, Rights
from app.language.evaluation import evaluate
from app.language.paths import link_target
from app.language.steps import Effect, EffectKind
from app.language.templates import template_pieces
from app.records.columns import bare_compiler, read_whole
from app.records.preparing import Preparer
from app.records.reading import Reader
from app.records.runtime import Runtime
from app.records.titles import load_titles
from app.records.tombstones import Cause, StepTaken

# A step that takes a step that takes a step …
DEEPEST = 4
MOST_ROWS = 10_000
NOT_NOW = _l("This step is not possible now.")


class Taker(Protocol):
    """Who takes a step: the writer of its record."""

    runtime: Runtime
    session: Session
    access: Access
    reader: Reader
    inside: int
    cause: Cause

    @property
    def preparer(self) -> Preparer: ...

    def acting(self, access: Access, step: StepTaken) -> Taker: ...

    def made(self, entity: Entity, values: Mapping[str, Any]) -> int: ...

    def put(self, entity: Entity, record_id: int, values: Mapping[str, Any]) -> int: ...

    def move(
        self, name: str, record_id: int, step: str, version: int | None, values: Mapping[str, Any]
    ) -> int: ...


def follow_up(
    taker: Taker, entity: Entity, step: str, effects: Sequence[Effect], row: Mapping[str, Any]
) -> None:
    """Do what comes with a step or a new record, in the order of the schema and in its maker's name.

    ``row`` is the record as it now is. Raises Refused where another record does not allow it.
    """
    if effects:
        with as_portal(taker, StepTaken(entity.name, int(row["id"]), step)) as portal:
            for effect in effects:
                _Step(portal, taker, entity, effect, row).do()


@contextmanager
def as_portal(taker: Taker, step: StepTaken) -> Iterator[Taker]:
    """The portal as the writer, under the name of whoever takes the step; raises Refused deep inside of others."""
    if taker.inside >= DEEPEST:
        raise Refused(NOT_NOW)
    runtime, actor, session = taker.runtime, taker.access.actor, taker.session
    rights = frozenset({Rights.READ, Rights.CREATE, Rights.EDIT, Rights.MOVE})
    stated = system_actor(runtime.schema, dict.fromkeys(runtime.schema.entities, rights), str(step))
    named = replace(
        stated, account_id=actor.account_id, username=actor.username, name=actor.name,
        person_id=actor.person_id,
    )  # fmt: skip
    access = Access(runtime.schema, named)
    before = session.info[OPTIONS]
    held = {OPTIONS: before, RAISED: session.info.get(RAISED)}
    bind(session, scope_options(access, runtime.models, runtime.moment()))
    try:
        yield taker.acting(access, step)
    except BaseException:
        # The transaction, or its savepoint, is over: nothing can be said to the database any more.
        session.info |= held
        raise
    bind(session, before)


# Private


@dataclass(frozen=True)
class _Step:
    """One effect of one step."""

    portal: Taker
    taker: Taker
    entity: Entity
    effect: Effect
    row: Mapping[str, Any]

    def do(self) -> None:
        effect, moment = self.effect, self.portal.runtime.moment()
        # What a step looks up in other records is looked up anew for each effect: the last one changed them.
        maker = self.taker.preparer.values(self.entity, self.row)
        if effect.when is not None and evaluate(effect.when.tree, maker.read, moment) is not True:
            return
        values = {
            name: evaluate(expression.tree, maker.read, moment)
            for name, expression in effect.sets.items()
        }
        target = self._target()
        if effect.kind is EffectKind.NEW:
            self.portal.made(target, values)
            return
        for record_id in self._records(target):
            self._change(target, record_id, values)

    def _target(self) -> Entity:
        name = self.effect.target
        if self.effect.kind is EffectKind.LINKED:
            field = self.entity.field(name)
            name = str(field.target) if field else name
        return self.portal.runtime.entity(name)

    def _records(self, target: Entity) -> Sequence[int]:
        if self.effect.kind is EffectKind.LINKED:
            value = self.row.get(self.effect.target)
            return value if isinstance(value, list) else [] if value is None else [value]
        assert self.effect.where is not None
        compiler = self._compiler(target)
        statement = select(compiler.identity()).where(
            compiler.criterion(self.effect.where.tree), *compiler.not_deleted()
        )
        ordered = compiler.from_source(statement).order_by(compiler.identity())
        found = list(self.portal.session.scalars(ordered.limit(MOST_ROWS + 1)))
        if len(found) > MOST_ROWS:
            raise Refused(NOT_NOW)
        return found

    def _change(self, target: Entity, record_id: int, values: Mapping[str, Any]) -> None:
        portal, effect = self.portal, self.effect
        # Locked before it is looked at: of two steps at the same time the second sees what the first did.
        before = read_whole(portal.session, portal.runtime, target, record_id, lock=True)
        if before is None:
            raise Refused(NOT_NOW)
        if effect.must is not None:
            compiler = self._compiler(target)
            holds = select(compiler.criterion(effect.must.tree))
            asked = compiler.from_source(holds).where(compiler.identity() == record_id)
            if portal.session.scalar(asked) is not True:
                raise Refused(self._said(target, before))
        if values:
            portal.put(target, record_id, values)
        if effect.takes is not None:
            now = read_whole(portal.session, portal.runtime, target, record_id)
            version = now["version"] if now else None
            portal.move(target.name, record_id, effect.takes, version, {})

    def _compiler(self, target: Entity) -> Any:
        bare = bare_compiler(self.portal.runtime, self.taker.access.actor, target)
        return replace(bare, record=dict(self.row), record_entity=self.entity)

    def _said(self, target: Entity, before: Mapping[str, Any]) -> Message:
        """Why not, in both languages, with ``{field}`` of the record as the taker may know it."""
        say = self.effect.say
        if say is None:
            return NOT_NOW
        texts = [
            self._filled(target, before, say.text(language), language) for language in ("zh", "en")
        ]
        return Message("%(text)s", {"text": Label(*texts)})

    def _filled(self, target: Entity, before: Mapping[str, Any], text: str, language: str) -> str:
        portal, parts = self.portal, list[str]()
        for piece in template_pieces(text):
            field = target.field(piece.path[0]) if piece.path else None
            value = before.get(field.name) if field else None
            if field is None:
                parts.append(piece.text)
                continue
            to = link_target(field, target)
            keys = [(to, value)] if to and isinstance(value, int) else []
            titles = load_titles(portal.session, portal.runtime, keys, language)
            parts.append(titles.get(keys[0], "—") if keys else "—" if value is None else str(value))
        return "".join(parts)
