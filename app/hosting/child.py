"""Run as a script: settles how a server lives and dies, then becomes that server.

Standard library only and no import of ours, so that it starts in a few milliseconds and runs
with ``python -I -S``.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import pwd
import signal
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
ORPHANED = 75


def main(words: list[str]) -> None:
    """Take the account, tie the life to the parent's, and execute the command after ``--``."""
    parser = argparse.ArgumentParser(prog="child")
    parser.add_argument("--user", help="uid:gid to become")
    parser.add_argument("--hide-root", action="store_true", help="keep root's files, look ordinary")
    parser.add_argument("--parent", type=int, help="process without which this one must not live")
    parser.add_argument("--death", type=int, help="signal to get when the parent dies")
    parser.add_argument("command", nargs="+")
    given = parser.parse_args(words)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.umask(0o077)
    if given.hide_root:
        _hide_root()
    if given.user:
        _become(given.user)
    if given.death:
        _die_with_parent(given.parent, given.death)
    os.execv(given.command[0], given.command)  # noqa: S606 - a shell has no part in this


def _become(user: str) -> None:
    """Turn this process into ``uid:gid`` for good."""
    uid, gid = (int(number) for number in user.split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _hide_root() -> None:
    """Enter a user namespace in which root's files belong to ``nobody``."""
    shown = pwd.getpwnam("nobody")
    _call("unshare", CLONE_NEWUSER)
    own = Path("/proc/self")
    (own / "setgroups").write_text("deny", encoding="ascii")
    (own / "uid_map").write_text(f"{shown.pw_uid} 0 1", encoding="ascii")
    (own / "gid_map").write_text(f"{shown.pw_gid} 0 1", encoding="ascii")


def _die_with_parent(parent: int, number: int) -> None:
    """Only Linux can promise this; elsewhere the supervisor's own tidying must do."""
    if sys.platform == "linux":
        _call("prctl", PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        sys.exit(ORPHANED)


def _call(name: str, *arguments: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


if __name__ == "__main__":
    main(sys.argv[1:])
