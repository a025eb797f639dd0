"""Fields that a role does not see while a condition holds of the record, such as until it is confirmed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.language.expressions import Expression, Unary
from app.language.findings import Findings
from app.language.reading import Keys, read_expression
from app.language.source import Place, Scalar

HIDE_WHEN = "hide_when"
# Between condition and fields where both are one text; fields hold no such sign.
_BETWEEN = " → "


@dataclass(frozen=True, slots=True)
class HiddenWhen:
    """The ``fields`` of a record are hidden while ``when`` holds of it."""

    when: Expression
    fields: tuple[str, ...]

    @property
    def otherwise(self) -> Expression:
        """The condition of the records that show them; where it cannot be told nothing is shown."""
        return replace(self.when, text=f"not ({self.when.text})", tree=Unary("not", self.when.tree))

    @property
    def text(self) -> str:
        """Both as one text, as a cell of the rule book holds it."""
        return f"{self.when.text}{_BETWEEN}{', '.join(self.fields)}"


def read_hidden(keys: Keys) -> HiddenWhen | None:
    """``hide_when: {when: …, fields: […]}`` of a role's rights; None when it is not said."""
    node = keys.node(HIDE_WHEN)
    inner = keys.sub(keys.place_of(HIDE_WHEN), node, HIDE_WHEN) if node is not None else None
    if inner is None:
        return None
    when, fields = inner.expression("when", required=True), inner.names("fields")
    inner.done()
    return HiddenWhen(when, fields) if when is not None else None


def hidden_of(value: object, place: Place, findings: Findings) -> HiddenWhen | None:
    """What ``HiddenWhen.text`` says; None for anything else."""
    found = parts_of(value)
    when = read_expression(Scalar(found[0], place, found[0]), findings) if found else None
    return HiddenWhen(when, found[1]) if found is not None and when is not None else None


def parts_of(value: object) -> tuple[str, tuple[str, ...]] | None:
    """The condition and the fields that ``HiddenWhen.text`` says; None for anything else."""
    if not isinstance(value, str) or _BETWEEN not in value:
        return None
    when, _, fields = value.rpartition(_BETWEEN)
    return when, tuple(fields.split(", "))
