"""Large reports are written in the background, with the rights of whoever asked for them."""

from __future__ import annotations

import gettext
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from app.features.reports.files import file_name, write_report
from app.features.reports.formats import Setting
from app.features.reports.service import open_report
from app.kernel.messages import Label, Message
from app.tasks.kinds import TaskKind
from app.tasks.work import Work
from app.web.catalogs import compiled_catalogs

MOST_AT_ONCE = 5_000


def make_file(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write the report that was asked for and keep it as the task's file."""
    run = open_report(work.records, str(arguments["report"]), dict(arguments["asked"]))
    kind = str(arguments["format"])
    words = words_of(work.settings.home, work.language)
    setting = Setting(
        work.language, work.runtime.zone, words, work.runtime.clock.now(), work.progress
    )
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / f"report.{kind}"
        result = write_report(run, kind, place, setting)
        return {"file": work.keep_file(place, file_name(run, kind), kind), "lines": result.count}


def words_of(home: Path, language: str) -> Callable[[Message | Label], str]:
    """Says messages and labels in a language, where no request is."""
    catalog = gettext.translation("messages", compiled_catalogs(home), [language], fallback=True)

    def words(said: Message | Label) -> str:
        if isinstance(said, Label):
            return said.text(language)
        values = {name: words(value) if isinstance(value, Message | Label) else value
                  for name, value in said.values.items()}  # fmt: skip
        return catalog.gettext(said.text) % values

    return words


REPORT_FILE = TaskKind("report_file", Label("生成报表文件", "Write a report"), make_file)
