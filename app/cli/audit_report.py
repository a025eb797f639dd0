"""``portal audit report``: what was done in a period, signed, as JSON and PDF."""

from __future__ import annotations

import calendar
import getpass
import re
import zipfile
from datetime import date, datetime
from pathlib import Path

import click

from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.audit.durable import write_durable
from app.audit.figures import Period
from app.audit.keys import load_key, public_bytes
from app.audit.notes import fingerprint
from app.audit.reporting import AuditReport, check_report, make_report
from app.audit.verify_bundle import Wrong
from app.cli.speech import say, sentence
from app.factory import open_runtime
from app.features.trail.reporting import drawing, told_of
from app.hosting.launch import connected
from app.kernel.clock import SystemClock
from app.kernel.messages import _l
from app.settings import read_settings

DAY = click.DateTime(formats=["%Y-%m-%d"])
MONTHS_OF_QUARTER = 3


@click.command()
@click.option("--from", "since", type=DAY, help="First day, in the time zone of the portal.")
@click.option("--to", "until", type=DAY, help="Last day, included.")
@click.option("--period", help="Instead of both days: a month as 2026-05, or a quarter as 2026-Q2.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder for report.json, report.pdf and what is needed to verify them; made if need be.",
)
@click.option(
    "--verify",
    "given",
    type=click.Path(exists=True, path_type=Path),
    help="Verify a report (its folder, zip or report.json) with the key of this home instead.",
)
@click.option("--key", help="With --verify: the fingerprint to hold it against.")
def report(
    since: datetime | None, until: datetime | None, period: str | None, out: Path | None,
    given: Path | None, key: str | None,
) -> None:  # fmt: skip
    """Make the signed report of a period, or verify one. Making one is an entry itself.

    Exits with 1 when the trail has faults, or when the report does not hold.
    """
    if given is not None:
        _verify(given, key)
        return
    first, last = _days(since, until, period)
    if out is None:
        raise click.UsageError("Say where to with --out.")
    if out.exists() and any(out.iterdir()):
        raise click.ClickException(sentence(_l("%(place)s is not empty.", place=str(out))))
    made = _made(first, last)
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, content in made.files.items():
        write_durable(out / name, content)
    say(_l("%(count)s entries were counted; faults of the trail: %(faults)s. The report is in %(place)s.",
           count=made.count, faults=made.faults, place=str(out)))  # fmt: skip
    click.echo(made.digest)
    if made.faults:
        raise SystemExit(1)


# Private


def _made(first: date, last: date) -> AuditReport:
    settings, who = connected(read_settings()), f"cli: {getpass.getuser()}"
    with open_runtime(settings) as (runtime, engines):
        engine, now = engines.app, SystemClock().now()
        period = Period(first, last, settings.timezone)
        made = make_report(engine, settings.home, period, now, who, drawing(runtime.schema))
        entry = Entry(
            now, None, who, AuditAction.AUDIT_REPORTED, runtime.revision, facts=told_of(made)
        )
        with engine.begin() as connection:
            append(connection, entry)
    return made


def _verify(given: Path, key: str | None) -> None:
    place = given.parent if given.name == "report.json" else given
    held = re.sub(r"[\s:]", "", key).lower() if key else ""
    held = held or fingerprint(public_bytes(load_key(read_settings().home)))
    try:
        lines = check_report(place, held)
    except (Wrong, ValueError, KeyError, TypeError, IndexError) as fault:
        click.echo(f"不成立 DOES NOT HOLD: {fault}")
        raise SystemExit(1) from fault
    except (OSError, zipfile.BadZipFile) as fault:
        says = _l("%(place)s is no audit report.", place=str(given))
        raise click.ClickException(sentence(says)) from fault
    click.echo("\n".join(lines))


def _days(since: datetime | None, until: datetime | None, period: str | None) -> tuple[date, date]:
    """The first and the last day; raises a usage error for anything but one way to say them."""
    if period is None and since is not None and until is not None:
        return since.date(), until.date()
    found = re.fullmatch(r"([0-9]{4})-(?:(0[1-9]|1[0-2])|Q([1-4]))", period or "")
    if found is None or since is not None or until is not None:
        raise click.UsageError("Say --from and --to, or --period as 2026-05 or 2026-Q2.")
    year = int(found[1])
    last = int(found[2]) if found[2] else int(found[3]) * MONTHS_OF_QUARTER
    first = last if found[2] else last - MONTHS_OF_QUARTER + 1
    return date(year, first, 1), date(year, last, calendar.monthrange(year, last)[1])
