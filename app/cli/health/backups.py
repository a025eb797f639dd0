"""The doctor's look at the backups: whether there is one that opens, and how old the newest is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from app.cli.health.finding import Finding, careful, faulty, fine
from app.features.backups.folder import kept
from app.features.backups.keys import load_key, place_of
from app.features.backups.sealing import ends_well
from app.kernel.clock import SystemClock
from app.kernel.errors import PortalError
from app.kernel.messages import _l
from app.settings import Settings

OVERDUE = timedelta(days=2)


def look_at_backups(settings: Settings) -> Iterator[Finding]:
    """The newest backup that the key opens is of the last two days."""
    folder = str(settings.backups)
    if not settings.backup_keep:
        yield careful("backup", _l("No backups are made by themselves (PORTAL_BACKUP_KEEP=0)."))
    found = kept(settings.backups)
    if not found:
        yield careful("backup", _l(
            "There is no backup in %(folder)s yet; one is made every night, or run: portal backup create", folder=folder
        ))  # fmt: skip
        return
    try:
        key = load_key(settings)
    except PortalError as fault:
        yield faulty("backup", fault.message)
        return
    for made, place in found:
        with place.open("rb") as stream:
            good = ends_well(stream, key)
        if not good:
            yield faulty("backup", _l(
                "%(name)s is damaged or was made with another key; look: portal backup verify", name=place.name
            ))  # fmt: skip
            continue
        when = f"{made.astimezone(settings.timezone):%Y-%m-%d %H:%M}"
        if SystemClock().now() - made > OVERDUE:
            yield faulty("backup", _l(
                "The newest good backup is of %(when)s; look at the task “%(task)s”, or run: portal backup create",
                when=when, task="backup",
            ))  # fmt: skip
        else:
            yield fine("backup", _l(
                "The newest backup is of %(when)s; keep copies of %(folder)s and of %(key)s on other machines.",
                when=when, folder=folder, key=str(place_of(settings)),
            ))  # fmt: skip
        return
    yield faulty("backup", _l("No backup in %(folder)s can be read.", folder=folder))
