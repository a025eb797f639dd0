"""Takes each defence out of a copy of the project, runs the tests that guard it, and prints which one noticed."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.defences.defences import Defence, defences

ROOT = Path(__file__).parents[2]
COPIED = (
    "app",
    "jobs",
    "schema",
    "tests",
    "translations",
    "scripts",
    "README.md",
    "pyproject.toml",
)
FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)
SECONDS = 600


def main() -> None:
    """Try the named threats, or all; the exit code tells whether every loss was noticed."""
    parser = argparse.ArgumentParser(prog="scripts/defences", description=__doc__)
    parser.add_argument("threats", nargs="*", metavar="T05", help="only these")
    asked = parser.parse_args()
    chosen = [one for one in defences() if not asked.threats or one.threat in asked.threats]
    print("| threat | taken out | noticed by |\n| --- | --- | --- |")
    missed = 0
    with tempfile.TemporaryDirectory(prefix="portal-defences-") as folder:
        copy = copied(Path(folder))
        # A test that fails with all defences in place would notice every loss.
        broken = tests_that_fail(copy, {one: None for each in chosen for one in each.tests})
        if broken:
            sys.exit(f"these fail with every defence in place: {', '.join(broken)}")
        for defence in chosen:
            with taken_out(copy, defence):
                noticed = tests_that_fail(copy, defence.tests)
            missed += not noticed
            told = ", ".join(f"`{one}`" for one in noticed) or "**nothing**"
            print(f"| {defence.threat} | {defence.what} | {told} |", flush=True)
    sys.exit(1 if missed else 0)


def copied(folder: Path) -> Path:
    """The project in a folder of its own, whose tests see no change in the original."""
    for name in COPIED:
        place = ROOT / name
        if place.is_dir():
            shutil.copytree(place, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(place, folder / name)
    return folder


@contextmanager
def taken_out(copy: Path, defence: Defence) -> Iterator[None]:
    """The copy without one defence; raises ValueError when its words are not there just once."""
    place = copy / defence.path
    whole = place.read_text()
    if whole.count(defence.words) != 1:
        raise ValueError(f"{defence.threat} {defence.what}: {defence.path} has other words now")
    place.write_text(whole.replace(defence.words, defence.without))
    try:
        yield
    finally:
        place.write_text(whole)


def tests_that_fail(copy: Path, places: Iterable[str]) -> list[str]:
    """The names of the first tests that fail in the copy, one for each place at the most."""
    found: list[str] = []
    for tests in places:
        words = [
            sys.executable,
            "-m",
            "pytest",
            "-x",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:randomly",
            tests,
        ]
        environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        ran = subprocess.run(words, cwd=copy, env=environment, capture_output=True, text=True,
                             timeout=SECONDS, check=False)  # fmt: skip
        failed = [name.partition("::")[2] for name in FAILED.findall(ran.stdout)]
        found += [name for name in failed if name]
    return found


main()
