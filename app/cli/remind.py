"""``portal remind``: what will be told to whom, and why."""

from __future__ import annotations

import json
from typing import Any

import click

from app.access.session_scope import install
from app.cli.speech import language, sentence
from app.factory import open_runtime
from app.features.reminders.people import account_names, lead_label
from app.features.reminders.service import Hint, preview
from app.hosting.launch import connected
from app.language.reminder_definitions import parse_lead
from app.settings import read_settings
from app.storage.database import make_sessions, read_only


@click.group()
def remind() -> None:
    """提醒 Reminders"""


@remind.command(name="preview")
@click.option("--days", type=click.IntRange(1, 366), default=30, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="machine-readable")
def preview_(days: int, *, as_json: bool) -> None:
    """What would be told in the next days if nothing changed."""
    with open_runtime(connected(read_settings())) as (runtime, engines):
        sessions = make_sessions(engines.app)
        install(sessions)
        with read_only(sessions()) as session:
            found = list(preview(session, runtime, runtime.clock.now(), days))
            names = account_names(session, (hint.told.account_id for hint in found))
    lines = [_plain(hint, names) for hint in found]
    if as_json:
        click.echo(json.dumps(lines, ensure_ascii=False, indent=2))
        return
    for hint, line in zip(found, lines, strict=True):
        mark = "!" if hint.told.red else " "
        at = hint.at.astimezone(runtime.zone)
        click.echo(f"{at:%Y-%m-%d %H:%M} {mark} {line['to']:12} {line['title']}  [{line['why']}]")


# Private


def _plain(hint: Hint, names: dict[int, str]) -> dict[str, Any]:
    told = hint.told
    lead = parse_lead(told.lead)
    why = f"{told.reminder.code} {told.reminder.label.text(language())}"
    return {
        "at": hint.at.isoformat(),
        "to": names.get(told.account_id, str(told.account_id)),
        "title": told.title.text(language()),
        "red": told.red,
        "reminder": told.reminder.name,
        "lead": told.lead,
        "entity": told.reminder.entity,
        "record": told.record_id,
        "why": f"{why} · {sentence(lead_label(lead)) if lead else told.lead}",
    }
