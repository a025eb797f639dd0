"""Which system account a server runs as: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.hosting import child
from app.kernel.errors import SettingsError
from app.kernel.messages import _l

UNPRIVILEGED = "nobody"
REACHES = 'for place; do test -x "$place" || exit 1; done'


@dataclass(frozen=True, slots=True)
class Account:
    """The owner of a server's files and process.

    ``hidden_root`` keeps the files of root but runs in a user namespace, where the process has
    none of root's powers beyond its own files and does not look like root.
    """

    uid: int
    gid: int
    hidden_root: bool = False

    def launch(self, command: Sequence[str], *before: str) -> list[str]:
        """The words that run ``command`` as this account."""
        words = [sys.executable, "-I", "-S", child.__file__, *before]
        if self.hidden_root:
            words.append("--hide-root")
        elif self.uid != os.geteuid():
            words += ["--user", f"{self.uid}:{self.gid}"]
        return [*words, "--", *command]

    def own(self, place: Path) -> None:
        """Give a file or folder to the account."""
        if place.lstat().st_uid != self.uid:
            os.chown(place, self.uid, self.gid, follow_symlinks=False)

    def reaches(self, places: Sequence[Path]) -> bool:
        """Whether the account may enter these folders and run these programs."""
        words = ["/bin/sh", "-c", REACHES, "sh", *(str(place) for place in places)]
        done = subprocess.run(self.launch(words), check=False, capture_output=True)
        return done.returncode == 0


def server_account(folder: Path, needed: Sequence[Path]) -> Account:
    """The account for a server whose files stand, or shall stand, in ``folder``.

    Not started as root: whoever started it. As root: the owner of the files, when that is
    another; else ``nobody``, when that account can reach ``needed``; else root, hidden.
    Raises SettingsError when none of them will do.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    for account in _candidates(folder):
        if account.reaches(needed):
            return account
    raise SettingsError(
        _l(
            "Started as root, but no ordinary account can reach %(place)s; start the portal as "
            "an ordinary account, or move it to a folder that others may enter.",
            place=", ".join(str(place) for place in needed),
        )
    )


def _candidates(folder: Path) -> list[Account]:
    hidden = Account(0, 0, hidden_root=True)
    made = folder.is_dir() and any(folder.iterdir())
    owner = (folder if made else folder.parent).stat()
    if owner.st_uid != 0:
        return [Account(owner.st_uid, owner.st_gid)]
    if made:
        return [hidden]
    entry = pwd.getpwnam(UNPRIVILEGED)
    return [Account(entry.pw_uid, entry.pw_gid), hidden]
