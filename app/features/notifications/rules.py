"""When something may go out, how long to wait after a failure, and what a message says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.features.notifications.outward import Text
from app.kernel.messages import Label

CHANNELS = ("mail", "robot")
DIGEST_AT = time(8, 30)
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)
# With the waits above, a channel may be away for four days.
MOST_ATTEMPTS = 24
BREAKS_AFTER, BREAK = 5, timedelta(minutes=5)
MOST_LISTED = 50
QuietHours = tuple[time, time]


def after_quiet(moment: datetime, quiet: QuietHours | None, zone: ZoneInfo) -> datetime:
    """The moment, or the end of the quiet hours that it falls into."""
    if quiet is None or quiet[0] == quiet[1]:
        return moment
    local, (begin, end) = moment.astimezone(zone), quiet
    overnight = begin > end
    clock = local.time().replace(tzinfo=None)
    inside = (clock >= begin or clock < end) if overnight else begin <= clock < end
    if not inside:
        return moment
    day = local.date() + timedelta(days=1 if overnight and clock >= begin else 0)
    return datetime.combine(day, end, zone).astimezone(UTC)


def next_digest(moment: datetime, zone: ZoneInfo) -> datetime:
    """The morning after ``moment``."""
    day = moment.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(day, DIGEST_AT, zone).astimezone(UTC)


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many failures."""
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << 2 * min(attempts - 1, 10)))


def break_after(failures: int) -> timedelta | None:
    """How long to leave a channel alone after so many failures in a row."""
    if failures < BREAKS_AFTER:
        return None
    return min(LONGEST_WAIT, BREAK * (1 << min(failures - BREAKS_AFTER, 10)))


def subject(texts: Sequence[Text], portal: str, language: str) -> str:
    """The line that announces a message."""
    if len(texts) == 1:
        return f"[{portal}] {texts[0].title}"
    said = Label(f"{len(texts)} 条提醒", f"{len(texts)} notices")
    return f"[{portal}] {said.text(language)}"


def plain_text(texts: Sequence[Text], settings_url: str, language: str) -> str:
    """The body of a mail."""
    parts: list[str] = []
    for one in texts[:MOST_LISTED]:
        parts += [f"■ {one.title}", *([one.body] if one.body else []), one.url, ""]
    left = len(texts) - MOST_LISTED
    if left > 0:
        parts += [
            Label(f"……另有 {left} 条，请到站内查看", f"… and {left} more in the portal").text(
                language
            ),
            "",
        ]
    ending = Label("不想再收到邮件，可在这里设置：", "Choose here what you get by mail:")
    return "\n".join([*parts, ending.text(language), settings_url, ""])


def short_text(texts: Sequence[Text], portal: str, language: str) -> str:
    """What a group robot says: titles and addresses only, as a whole group reads it."""
    lines = [subject(texts, portal, language)] if len(texts) > 1 else []
    for one in texts[:10]:
        lines += [one.title, one.url]
    return "\n".join(lines)
