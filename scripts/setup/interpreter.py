"""Finds a Python that is new enough; this file and the scripts must parse on older ones."""

import os
import shutil
import sys

OLDEST = (3, 11)
NEWEST_FIRST = ("python3.13", "python3.12", "python3.11")


def require_python() -> None:
    """Go on with this Python, or with a newer one of this machine, or say what is missing."""
    if sys.version_info >= OLDEST:
        return
    for name in NEWEST_FIRST:
        found = shutil.which(name)
        if found:
            os.execv(found, [found, *sys.argv])  # noqa: S606 - our own arguments, no shell
    sys.exit(
        "需要 Python 3.11 或更新的版本，当前是 %s。\n"
        "Python 3.11 or newer is needed, this is %s." % ((sys.version.split()[0],) * 2)
    )
