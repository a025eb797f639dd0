"""Forms that were opened before the schema changed: what was typed is taken to the fields of today, or told.

A form carries the revision that it was drawn with. The value of a renamed field goes to its new name; what has
no place any more is said with its words, and what has become another kind is asked for again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from werkzeug.datastructures import FileStorage, MultiDict

from app.kernel.errors import StaleRevision
from app.kernel.messages import Message, _l
from app.language.compiler import compile_sources
from app.language.definitions import Entity, Field, Schema
from app.language.findings import SchemaInvalid
from app.records.preparing import FILE_TYPES
from app.records.titles import load_titles
from app.storage.former_names import Called, called_at, sources_of
from app.web.addresses import whole
from app.web.form_conflicts import LINKING
from app.web.form_reading import NEW, FormReader, Submission, row_fields
from app.web.locale import say
from app.web.marks import mark_of
from app.web.state import Scope

HEADING = _l(
    "The form has changed since you opened it. Please look at it once more and save again."
)
OF_ROWS = ("id", "version", "removed")
# What stands under these is a number of a record or a file, and means nothing to another kind of field.
KEYS = (*LINKING, *FILE_TYPES)
Files = MultiDict[str, FileStorage]


@dataclass(frozen=True, slots=True)
class Lost:
    """What was typed into a field that is no longer there, or not for this actor to set."""

    label: str
    text: str

    @property
    def message(self) -> Message:
        """The sentence about it."""
        return _l("“%(field)s” is no longer part of this form. It said: %(words)s",
                  field=self.label, words=self.text)  # fmt: skip


@dataclass
class Posted:
    """A sent form under the names of today.

    ``unclear`` are fields whose words cannot be taken over, with what they said.
    """

    form: MultiDict[str, str]
    files: Files
    former: bool = False
    lost: list[Lost] = field(default_factory=list)
    unclear: dict[str, str] = field(default_factory=dict)

    def read(self, reader: FormReader, names: Iterable[str]) -> Submission:
        """The values of the named fields, and what is wrong with them."""
        problems = {path: (_unclear(text),) for path, text in self.unclear.items()}
        found = reader.read(self.form, names, problems)
        lost = [one.message for one in self.lost]
        names = [str(one.filename) for _, one in self.files.items(multi=True) if one.filename]
        if lost and names:
            lost.append(files_again(names))
        return replace(found, former=self.former, lost=tuple(lost))


def posted(
    here: Scope, entity: Entity, form: MultiDict[str, str], files: Files, names: Iterable[str]
) -> Posted:
    """What was sent, under the names of today; ``names`` are the fields that are read from it.

    Raises StaleRevision for a form that is newer than what is served here.
    """
    mark, served = mark_of(form, here.state.settings.secret_key), here.state.runtime.revision
    if mark is None or mark.revision == served:
        return Posted(form, files)
    called = called_at(here.session, entity.name, mark.revision)
    if called is None:
        return Posted(form, files)
    if mark.revision > served:
        raise StaleRevision
    former = former_schema(here, mark.revision)
    return _Carrier(here, entity, called, former, mark.revision, frozenset(names)).carried(
        form, files
    )


def former_schema(here: Scope, revision: int) -> Schema | None:
    """The schema of an earlier revision; None when this version of the product cannot read it any more."""
    memory, key = here.state.runtime.memory, ("former schema", revision)
    if key not in memory:
        sources = sources_of(here.session, revision)
        try:
            memory[key] = compile_sources(sources) if sources else None
        except SchemaInvalid:
            memory[key] = None
    found: Schema | None = memory[key]
    return found


def files_again(names: Iterable[str]) -> Message:
    """That no form can be shown again with its files."""
    return _l("Please choose these files again: %(names)s", names="、".join(names))


# Private


def _leads(item: Field, entity: str) -> str:
    """The entity that a field leads to, if it is one."""
    return entity if item.type == "parent" else str(item.target or "")


def _unclear(text: str) -> Message:
    return _l("This field has changed since you opened the form. It said: %(words)s", words=text)


@dataclass
class _Carrier:
    """Takes one form over."""

    here: Scope
    entity: Entity
    called: Called
    former: Schema | None
    revision: int
    names: frozenset[str]
    said: dict[str, list[str]] = field(default_factory=dict)

    def carried(self, form: MultiDict[str, str], files: Files) -> Posted:
        found = Posted(MultiDict(), MultiDict(), former=True)
        for key in form:
            self._text(key, form.getlist(key), found)
        for key in files:
            sent = [one for one in files.getlist(key) if one.filename]
            item = self._item(key)
            if item is not None and item.type in FILE_TYPES:
                found.files.setlist(item.name, sent)
            else:
                self._lose(self._label(key), [str(one.filename) for one in sent])
        found.lost += [Lost(label, "；".join(texts)) for label, texts in self.said.items()]
        return found

    def _text(self, key: str, texts: list[str], found: Posted) -> None:
        first, _, rest = key.partition(".")
        if first not in self.called.fields:
            found.form.setlist(key, texts)
            return
        item, old = self._item(first), self._old(self.called.name, first)
        if old.type == "children" if old else rest.count(".") == 1:
            if item is not None and item.type == "children":
                self._row(item, rest, texts, found)
            else:
                self._lost_row(old, rest, texts, first)
        elif rest:
            if item is not None:
                found.form.setlist(f"{item.name}.{rest}", texts)
        elif item is None or item.type == "children":
            self._lose(self._label(first), self._shown(old, texts))
        else:
            self._one(self.entity, item, item.name, old, texts, found)

    def _one(self, entity: Entity, item: Field, key: str, old: Field | None, texts: list[str],
             found: Posted) -> None:  # fmt: skip
        """The words of a field that is still there, perhaps of another kind."""
        shown = self._shown(old, texts)
        signed = item.type == "signature" and (old is None or old.type == "signature")
        if item.type in FILE_TYPES and not signed:
            self._lose(item.label.text(self.here.language), shown)
        elif shown and self._means_another(entity, item, old):
            found.unclear[key] = "、".join(shown)
        else:
            found.form.setlist(key, texts)

    def _row(self, item: Field, rest: str, texts: list[str], found: Posted) -> None:
        number, _, inner = rest.partition(".")
        target = self.here.schema.entities[str(item.target)]
        called = called_at(self.here.session, target.name, self.revision)
        prefix = f"{item.name}.{number}"
        if inner in OF_ROWS or number == NEW or called is None or inner not in called.fields:
            found.form.setlist(f"{prefix}.{inner}", texts)
            return
        today, before = called.fields[inner], self._old(called.name, inner)
        field_ = next((one for one in row_fields(target, item) if one.name == today), None)
        if field_ is None:
            name = before.label.text(self.here.language) if before else inner
            label = f"{item.label.text(self.here.language)}: {name}"
            self._lose(label, self._shown(before, texts))
        else:
            self._one(target, field_, f"{prefix}.{field_.name}", before, texts, found)

    def _lost_row(self, old: Field | None, rest: str, texts: list[str], key: str) -> None:
        number, _, inner = rest.partition(".")
        if inner and inner not in OF_ROWS and number != NEW:
            known = self._old(str(old.target), inner) if old else None
            self._lose(self._label(key), self._shown(known, texts))

    def _lose(self, label: str, texts: Iterable[str]) -> None:
        for text in texts:
            self.said.setdefault(label, []).append(text)

    def _means_another(self, entity: Entity, item: Field, old: Field | None) -> bool:
        """Whether the words of the former field would be read as something that nobody meant."""
        if old is None or self.former is None:
            return False
        if item.type not in KEYS and old.type not in KEYS:
            return False
        leads, led = _leads(item, entity.name), _leads(old, self.called.name)
        then = called_at(self.here.session, leads, self.revision) if leads else None
        same = (then.name if then else leads) == led
        return (item.type in KEYS) != (old.type in KEYS) or not same

    def _item(self, key: str) -> Field | None:
        """The field of today that a key of the form stands for, if it is read from it."""
        today = self._today(key)
        return self.entity.field(today) if today is not None and today in self.names else None

    def _today(self, key: str) -> str | None:
        name = key.partition(".")[0]
        return self.called.fields.get(name)

    def _old(self, entity: str, name: str) -> Field | None:
        owner = self.former.entities.get(entity) if self.former else None
        return owner.field(name) if owner else None

    def _label(self, key: str) -> str:
        old = self._old(self.called.name, key.partition(".")[0])
        return old.label.text(self.here.language) if old else key

    def _shown(self, old: Field | None, texts: list[str]) -> list[str]:
        """What a reader calls the texts of a former field; nothing where nothing was typed."""
        filled = [text for text in texts if text.strip()]
        if old is None or not filled:
            return filled
        if old.type == "secret":
            return []
        if old.type == "yes_no":
            yes = filled[-1] in ("1", "true", "on", "yes")
            return [say(_l("Yes"), self.here.language)] if yes else []
        if old.type == "signature":
            return [say(_l("Signature"), self.here.language)]
        if old.type in ("choice", "choices"):
            known = ((old.choice(text), text) for text in filled)
            return [one.label.text(self.here.language) if one else text for one, text in known]
        if old.type in LINKING:
            return [self._title(old, text) for text in filled]
        return filled

    def _title(self, old: Field, text: str) -> str:
        name, _, digits = text.rpartition(":")
        number = whole(digits)
        target = name or self._target_today(old)
        if number is None or target not in self.here.schema.entities:
            return f"#{text}"
        runtime, language = self.here.state.runtime, self.here.language
        titles = load_titles(self.here.records.session, runtime, [(target, number)], language)
        return titles.get((target, number), f"#{number}")

    def _target_today(self, old: Field) -> str:
        """What the entity is called today that a former field led to."""
        wanted = self.called.name if old.type == "parent" else str(old.target)
        for name in self._names():
            if name == wanted:
                return name
            called = called_at(self.here.session, name, self.revision)
            if called is not None and called.name == wanted:
                return name
        return ""

    def _names(self) -> Iterator[str]:
        yield from (entity.name for entity in self.here.schema.enabled_entities())
