"""``portal schema``: check, plan, apply, history and what belongs to them."""

from __future__ import annotations

import click

from app.cli.groups import LazyGroup

FILES, CHANGES = "app.cli.schema_files", "app.cli.schema_changes"


@click.group(
    cls=LazyGroup,
    places={
        "check": f"{FILES}:check",
        "plan": f"{CHANGES}:show_plan",
        "apply": f"{CHANGES}:run_apply",
        "history": f"{CHANGES}:history",
        "purge": f"{CHANGES}:run_purge",
        "json-schema": f"{FILES}:print_json_schema",
        "reference": f"{FILES}:print_reference",
    },
)
def schema() -> None:
    """Check a schema, plan what it changes, apply it, and look back."""
