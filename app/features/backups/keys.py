"""The key that backups are encrypted with: a file that lies outside of every backup."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from app.kernel.errors import SettingsError, Unavailable
from app.kernel.messages import Message, _l
from app.settings import Settings, write_secret

FILE = "backup_key"
OTHERS = 0o077
_TEXT = re.compile(r"[0-9a-fA-F]{64}")


def place_of(settings: Settings) -> Path:
    """Where the key lies."""
    return settings.backup_key_file or settings.home / FILE


def ensure_key(settings: Settings) -> bool:
    """Make the key of the home where it is missing; whether it was made.

    One that the settings name is never made: a typing error would encrypt with a key that nobody keeps.
    """
    if settings.backup_key_file is not None or place_of(settings).exists():
        return False
    try:
        write_secret(place_of(settings), secrets.token_hex(32) + "\n")
    except FileExistsError:
        return False
    return True


def load_key(settings: Settings) -> bytes:
    """The key, 32 bytes; raises Unavailable when there is none, SettingsError when it will not do."""
    place = place_of(settings)
    try:
        mode, text = place.stat().st_mode, place.read_text("ascii").strip()
    except FileNotFoundError as lost:
        raise Unavailable(
            _l("The key of the backups is missing: %(place)s; put it back, or name it in PORTAL_BACKUP_KEY_FILE.",
               place=str(place))
        ) from lost  # fmt: skip
    except (OSError, UnicodeDecodeError) as fault:
        raise SettingsError(_unfit(place)) from fault
    if mode & OTHERS:
        raise SettingsError(
            _l("%(place)s can be read by others; run: chmod 400 %(place)s", place=str(place))
        )
    if not _TEXT.fullmatch(text):
        raise SettingsError(_unfit(place))
    return bytes.fromhex(text)


# Private


def _unfit(place: Path) -> Message:
    return _l(
        "%(place)s holds no key for backups; make one: openssl rand -hex 32", place=str(place)
    )
