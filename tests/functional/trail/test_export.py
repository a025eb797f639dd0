"""``portal audit export``: for spreadsheets, where no text is a formula, and for programs."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from tests.functional.trail.test_commands import call
from tests.support.servers import Servers
from tests.support.trail import running_log


def test_csv_and_json_lines_tell_every_entry(servers: Servers, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with running_log(servers, home) as log:
        log.write(5)
        log.write(1, record_title="=HYPERLINK(1)", account_name="@west")
        table, lines = tmp_path / "t.csv", tmp_path / "t.jsonl"
        assert call(log, "export", "--out", str(table))[0] == 0
        assert call(log, "export", "--format", "jsonl", "--out", str(lines))[0] == 0
        with table.open(encoding="utf-8-sig", newline="") as file:
            read = list(csv.DictReader(file))
        told = [json.loads(line) for line in lines.read_text("utf-8").splitlines()]
        assert [int(row["seq"]) for row in read] == list(range(1, 8))
        assert (read[6]["record_title"], read[6]["account_name"]) == ("'=HYPERLINK(1)", "'@west")
        assert json.loads(read[1]["changes"]) == {"note": [None, "话0"]}
        assert told[6]["record_title"] == "=HYPERLINK(1)"
        # The first export is an entry of the second.
        assert told[7]["action"] == "audit:exported"
        assert told[7]["changes"] == {"format": "csv", "lines": 7, "since": None, "until": None}
        assert call(log, "export", "--until", "2020-01-01", "--out", str(table))[0] == 0
        assert len(table.read_text("utf-8-sig").splitlines()) == 0
