"""Strikes the faults and prints a table; ``--short`` is what runs with the other tests."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.faults import FAULTS
from tests.faults.harness import Missed, site

PORT = 8197


def main() -> None:
    """Strike what was asked for; the exit code tells whether all was borne."""
    parser = argparse.ArgumentParser(prog="scripts/faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="F01", help="only these")
    parser.add_argument("--short", action="store_true", help="a few times each")
    parser.add_argument("--port", type=int, default=PORT)
    asked = parser.parse_args()
    unknown = set(asked.names) - FAULTS.keys()
    if unknown:
        parser.error(f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}")
    missed = 0
    print("| fault | times | borne | what was seen | s |\n| --- | ---: | --- | --- | ---: |")
    with (
        tempfile.TemporaryDirectory(prefix="portal-faults-") as folder,
        site(Path(folder), asked.port) as bench,
    ):
        for name in asked.names or FAULTS:
            strike, many, few = FAULTS[name]
            times, begun = few if asked.short else many, time.monotonic()
            try:
                borne, seen = "yes", strike(bench, times)
            except Missed as fault:
                borne, seen, missed = "NO", str(fault), missed + 1
            promise = (strike.__doc__ or "").partition(":")[0]
            print(
                f"| {name} {promise} | {times} | {borne} | {seen} | {time.monotonic() - begun:.0f} |",
                flush=True,
            )
    sys.exit(1 if missed else 0)


main()
