"""``portal``: the root of all commands. A new command is one line in COMMANDS."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import click

from app.cli.speech import sentence
from app.kernel.errors import PortalError

# Name → where its click command is; imported only when it is called, so each starts quickly.
COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "serve": "app.cli.serve:serve",
        "work": "app.cli.serve:work",
        "prepare": "app.cli.serve:prepare",
        "schema": "app.cli.schema:schema",
        "demo": "app.cli.demo:demo",
        "users": "app.cli.users:users",
        "jobs": "app.cli.jobs:jobs",
        "remind": "app.cli.remind:remind",
        "report": "app.cli.report:report",
        "settings": "app.cli.about:settings",
        "version": "app.cli.about:version",
    }
)


class Portal(click.Group):
    """Finds commands in COMMANDS and says every PortalError in one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click asks so
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, if there is one."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an expected error needs no traceback."""
        try:
            return super().invoke(ctx)
        except PortalError as fault:
            raise click.ClickException(sentence(fault.message)) from fault


@click.group(cls=Portal, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Storewarden 守店"""
