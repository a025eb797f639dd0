"""Rules over reports."""

from __future__ import annotations

from collections.abc import Mapping

from app.language.checks.context import Context
from app.language.report_definitions import Report


def check_reports(context: Context, reports: Mapping[str, Report]) -> None:
    """Note every fault of the reports."""
