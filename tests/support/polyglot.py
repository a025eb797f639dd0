"""Records whose every text is what an attacker would write."""

from __future__ import annotations

from typing import Any

from tests.support.portals import Portal

# One text that breaks out of an attribute, a script, a style, a comment, a template and JSON.
POLYGLOT = "xss\"'--></script></style></title><img src=x onerror=alert(7)><svg/onload=alert(7)>{{7*7}}${7*7}"


def poisoned(portal: Portal) -> dict[str, int]:
    """A record of every kind with the polyglot in every text."""
    found: dict[str, int] = {}
    ids: dict[str, Any] = {**portal.ids}
    with portal.records() as records:
        for name, links in (
            ("species", {}), ("tool", {}), ("tag_group", {}), ("bed", {"upper": ids["all"]}),
            ("gardener", {"bed": ids["west"]}), ("buyer", {"bed": ids["west"]}),
            ("plant", {"bed": ids["west"], "species": ids["maple"]}),
            ("task", {"bed": ids["west"], "doer": ids["wang"]}),
        ):  # fmt: skip
            entity = portal.schema.entities[name]
            texts: dict[str, Any] = {
                field.name: POLYGLOT[: int(field.options.get("max") or 200)]
                for field in entity.settable_fields
                if field.type in ("text", "long_text") and not field.show_when
            }
            texts |= {
                f.name: f"<p>{POLYGLOT}</p>"
                for f in entity.settable_fields
                if f.type == "rich_text"
            }
            texts |= {f.name: [POLYGLOT[:40]] for f in entity.settable_fields if f.type == "tags"}
            found[name] = records.create(name, {**texts, **links})
    return found
