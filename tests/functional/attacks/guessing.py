"""Random requests of somebody who guesses: lists, queries, searches, pages, and forms and programs that write."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from app.language.definitions import Entity, Field
from tests.functional.attacks.cast import Reach
from tests.functional.attacks.crawling import LEFT_ALONE, Walker
from tests.functional.attacks.doors import ABSENT, addresses

OPERATORS = ("eq", "gt", "lt", "ct", "sw", "filled", "in", "neq")
KEYS = 40


@dataclass(frozen=True)
class Asked:
    """One request; ``form`` or ``body`` is sent when it writes."""

    method: str
    path: str
    form: dict[str, str] | None = None
    body: Any = None
    about: str = ""

    def by(self, who: Walker) -> Any:
        """The answer to it."""
        if self.body is not None or self.method in ("PUT", "DELETE"):
            path = self.path.removeprefix("/api/v1/")
            return who.api.call(self.method, path, json=self.body or {})
        return (
            who.browser.post(self.path, self.form)
            if self.method == "POST"
            else who.browser.get(self.path)
        )


@dataclass
class Guesser:
    """Somebody who guesses: what they type, by which paths, and what nobody removes meanwhile."""

    reach: Reach
    chance: random.Random
    typed: Sequence[str]
    paths: Sequence[str]
    kept: frozenset[tuple[str, int]] = frozenset()
    open_to: list[Entity] = field(default_factory=list)

    def requests(self, who: Walker, count: int) -> Iterator[Asked]:
        """As many random requests, most of them about what can be read; a third of them write."""
        schema = self.reach.portal.schema
        entities = sorted(schema.enabled_entities(), key=lambda one: one.name)
        self.open_to = [
            e for e in entities if who.browser.get(f"/{e.name}/list/").status_code == 200
        ]
        left_alone = (*LEFT_ALONE, "/viewing/", "/trail/", "/rights/", "/accounts/")
        every = addresses(self.reach.portal, "GET", (1, 2, ABSENT), self.reach.foreign, left_alone)
        kinds: list[Callable[[Entity], Asked]] = [
            self.a_list, self.a_list, self.a_query, self.a_query, self.a_lookup, self.an_edit, self.an_edit,
            self.an_addition, self.a_call, self.a_call, self.a_move, self.a_bulk_deed,
        ]  # fmt: skip
        for _ in range(count):
            if self.chance.random() < 0.12:
                yield Asked("GET", self.chance.choice(every))
            elif self.chance.random() < 0.12:
                yield self.chance.choice((self.a_search, self.a_report))()
            else:
                entity = self.chance.choice([*entities, *self.open_to * 9])
                yield self.chance.choice(kinds)(entity)

    def words(self) -> str:
        """What somebody might type who guesses."""
        return self.chance.choice(self.typed)

    # Reading

    def a_list(self, entity: Entity) -> Asked:
        """A list with an order, a filter and a search by any field, shown or not."""
        chance, fields = self.chance, self._fields(entity)
        asked = [f"sort={chance.choice(('', '-'))}{chance.choice(fields)}"]
        asked += [
            f"{chance.choice(fields)}={quote(self.words())}" for _ in range(chance.randrange(3))
        ]
        if chance.random() < 0.4:
            asked.append(f"{chance.choice(fields)}=..{chance.randrange(1000)}")
        if chance.random() < 0.5:
            asked.append(f"q={quote(self.words())}")
        asked.append(f"page={chance.randrange(4)}&size={chance.choice((5, 25, 100))}")
        return Asked("GET", f"/{entity.name}/list/?" + "&".join(asked))

    def a_query(self, entity: Entity) -> Asked:
        """The same by the API."""
        chance, fields = self.chance, self._fields(entity)
        value = chance.choice((str(chance.randrange(1000)), f"'{self.words()}'"))
        filtered = f"(col:{chance.choice(fields)},opr:{chance.choice(OPERATORS)},value:{value})"
        parts = [f"filters:!({filtered})"] if chance.random() < 0.6 else []
        parts += [f"order_column:{chance.choice(fields)}"] if chance.random() < 0.5 else []
        parts += [f"search:'{self.words()}'"] if chance.random() < 0.4 else []
        parts += [f"page_size:{chance.choice((1, 10, 100))}"]
        return Asked("GET", f"/api/v1/{entity.name}/?q=" + quote(f"({','.join(parts)})"))

    def a_lookup(self, entity: Entity) -> Asked:
        """What a field offers, asked by address or by form."""
        path = f"/{entity.name}/lookup/{self.chance.choice([*entity.fields])}"
        if self.chance.random() < 0.5:
            return Asked("POST", path, form={"q": self.words()})
        return Asked("GET", f"{path}?q={quote(self.words())}")

    def a_search(self) -> Asked:
        """The search over everything, asked by address or by form."""
        if self.chance.random() < 0.5:
            return Asked("POST", "/search/", form={"q": self.words()})
        return Asked("GET", f"/search/?q={quote(self.words())}")

    def a_report(self) -> Asked:
        """A report, its rows, or its file."""
        name = self.chance.choice(sorted(self.reach.portal.schema.reports))
        ends = ("", "/rows", "/file")
        end = self.chance.choice(ends)
        if end == "/file":
            return Asked("POST", f"/reports/{name}/file", form={"format": "csv"})
        return Asked(
            "GET", f"/reports/{name}{end}?period=month:2026-05&bed={self.chance.randrange(4)}"
        )

    # Writing

    def an_addition(self, entity: Entity) -> Asked:
        """A new record by a form or a program, whole or not, right or not."""
        values = {
            one.name: self._value(one)
            for one in entity.settable_fields
            if (one.required or self.chance.random() < 0.3) and one.type not in SKIPPED
        }
        return self._sent(entity, values, f"/{entity.name}/add", "POST", f"/api/v1/{entity.name}/")

    def an_edit(self, entity: Entity) -> Asked:
        """Another value for one field or two."""
        key = self._key(entity)
        fields = [one for one in entity.settable_fields if one.type not in SKIPPED]
        chosen = self.chance.sample(fields, min(len(fields), self.chance.choice((1, 1, 2))))
        values = {one.name: self._value(one) for one in chosen} | {
            "version": self._version(entity, key)
        }
        return self._sent(
            entity, values, f"/{entity.name}/edit/{key}", "PUT", f"/api/v1/{entity.name}/{key}"
        )

    def a_call(self, entity: Entity) -> Asked:
        """Removing a record, or asking to see what is masked, by page or program."""
        key, name = self._key(entity), entity.name
        seen = {
            "field": self.chance.choice([*entity.fields]),
            "reason": "客户来电",
            "choice": "other",
        }
        if self.chance.random() < 0.5 or (name, key) in self.kept:
            if self.chance.random() < 0.5:
                return Asked("POST", f"/{name}/reveal/{key}", form=seen, about=name)
            return Asked("POST", f"/api/v1/{name}/{key}/reveal", body=seen, about=name)
        version = self._version(entity, key)
        if self.chance.random() < 0.5:
            return Asked(
                "POST", f"/{name}/delete/{key}", form={"version": str(version)}, about=name
            )
        return Asked(
            "DELETE",
            f"/api/v1/{name}/{key}?version={version}",
            body={"version": version},
            about=name,
        )

    def a_move(self, entity: Entity) -> Asked:
        """A step of a record, with what it may ask for."""
        key, moves = self._key(entity), entity.states.moves if entity.states else ()
        names = [str(getattr(one, "name", one)) for one in moves] or ["none"]
        move = self.chance.choice(names)
        values = {"version": self._version(entity, key), "reason": "事由"}
        page, call = f"/{entity.name}/move/{key}/{move}", f"/api/v1/{entity.name}/{key}/move/{move}"
        return self._sent(entity, values, page, "POST", call)

    def a_bulk_deed(self, entity: Entity) -> Asked:
        """One thing with several records."""
        keys = {self._key(entity) for _ in range(self.chance.randrange(1, 4))}
        keys -= {key for name, key in self.kept if name == entity.name}
        moves = [
            str(getattr(one, "name", one)) for one in (entity.states.moves if entity.states else ())
        ]
        action = self.chance.choice(["delete", *(f"move:{one}" for one in moves)])
        form = {"action": action, "ids": ",".join(map(str, sorted(keys)))}
        return Asked("POST", f"/{entity.name}/bulk", form=form, about=entity.name)

    # Private

    def _fields(self, entity: Entity) -> list[str]:
        return [*entity.fields, "id", "state", "created_at", *self.paths]

    def _sent(
        self, entity: Entity, values: dict[str, Any], page: str, method: str, call: str
    ) -> Asked:
        if self.chance.random() < 0.5:
            form = {
                name: str(value) for name, value in values.items() if not isinstance(value, list)
            }
            return Asked("POST", page, form=form, about=entity.name)
        return Asked(method, call, body=values, about=entity.name)

    def _key(self, entity: Entity) -> int:
        foreign = [self.reach.foreign.get(entity.name, ABSENT)]
        return self.chance.choice([*range(1, KEYS), *foreign * 8])

    def _version(self, entity: Entity, key: int) -> int:
        found = self.reach.portal.scalar(
            f'SELECT version FROM "{entity.name}" WHERE id = :key', key=key
        )
        return int(found or 1)

    def _value(self, one: Field) -> Any:
        """A value that the type takes, or what was typed, which it mostly does not."""
        chance = self.chance
        if one.type in ("link", "parent") and chance.random() < 0.9:
            far = self.reach.foreign.get(str(one.target), ABSENT)
            return chance.choice([*range(1, 9), far, far, far])
        if one.choices and chance.random() < 0.9:
            return chance.choice(one.choices).name
        if one.type in NUMBERS and chance.random() < 0.9:
            return str(chance.randrange(1000)) if one.type != "integer" else chance.randrange(1000)
        if one.type in MADE and chance.random() < 0.9:
            return chance.choice(MADE[one.type])
        return self.words()


NUMBERS = ("integer", "decimal", "money", "percent", "duration", "rating")
SKIPPED = (
    "file",
    "files",
    "image",
    "signature",
    "children",
    "links",
    "choices",
    "tags",
    "json",
    "location",
)
MADE = {
    "date": ("2026-06-01", "2026-07-01", "2025-01-31"),
    "datetime": ("2026-06-01T10:00", "2026-06-15T12:00"),
    "month": ("2026-05", "2026-06"),
    "time": ("09:00", "18:30"),
    "yes_no": ("true", "false"),
    "mobile": ("13800138000", "13811112222", "13911112222", "13700000001"),
    "region": ("310100", "440100"),
}
