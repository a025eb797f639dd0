"""``portal``: the root of all commands."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import click

from app.cli.groups import LazyGroup
from app.cli.speech import sentence
from app.kernel.errors import Invalid, PortalError

# A new command is one line here.
COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "serve": "app.cli.serve:serve",
        "work": "app.cli.serve:work",
        "prepare": "app.cli.serve:prepare",
        "schema": "app.cli.schema:schema",
        "demo": "app.cli.demo:demo",
        "roles": "app.cli.roles:roles",
        "users": "app.cli.users:users",
        "jobs": "app.cli.jobs:jobs",
        "remind": "app.cli.remind:remind",
        "report": "app.cli.report:report",
        "audit": "app.cli.audit:audit",
        "undo": "app.cli.undo:undo_",
        "exports": "app.cli.exports:exports",
        "canary": "app.cli.canary:canary",
        "keys": "app.cli.keys:keys",
        "backup": "app.cli.backup:backup",
        "doctor": "app.cli.doctor:doctor",
        "settings": "app.cli.about:settings",
        "version": "app.cli.about:version",
    }
)


class Portal(LazyGroup):
    """Says every PortalError in one sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an expected error needs no traceback."""
        try:
            return super().invoke(ctx)
        except Invalid as fault:
            # A terminal has no marked fields.
            said = [sentence(one) for several in fault.problems.values() for one in several]
            raise click.ClickException(" ".join(said) or sentence(fault.message)) from fault
        except PortalError as fault:
            raise click.ClickException(sentence(fault.message)) from fault


@click.group(cls=Portal, places=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Storewarden 守店"""
