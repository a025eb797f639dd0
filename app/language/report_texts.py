"""One report in a text of its own, compiled against a schema that is already good."""

from __future__ import annotations

from collections.abc import Iterator

from app.language.checks.context import Context
from app.language.checks.reports import check_reports
from app.language.definitions import Schema
from app.language.findings import Finding, Findings
from app.language.reading import Keys
from app.language.report_definitions import Report
from app.language.reports import read_report
from app.language.source import Mapping, Node, Place, Scalar, read_yaml

FILE = "report.yaml"
MOST_BYTES = 20_000
MOST_COLUMNS, MOST_PARTS, MOST_GROUPS = 60, 10, 5
# A report of one's own need not be for anybody else.
PRIVATE = frozenset({"S077"})


def compile_report(
    text: str, schema: Schema, tolerated: frozenset[str] = PRIVATE
) -> tuple[Report | None, tuple[Finding, ...]]:
    """The report that a text declares, or None with every finding but those that are tolerated."""
    findings = Findings()
    report = _read(text, findings)
    if report is not None:
        _measure(report, findings)
    if report is not None and not len(findings):
        context = Context(schema.portal, schema.entities, schema.roles, findings)
        check_reports(context, {report.name: report})
    faults = tuple(one for one in findings.all() if one.id not in tolerated)
    return (None if faults else report), faults


# Private


def _read(text: str, findings: Findings) -> Report | None:
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        findings.add("S005", Place(FILE, 1), limit=f"{MOST_BYTES // 1000} kB")
        return None
    if not _readable(text):
        findings.add("S001", Place(FILE, 1), why="NUL")
        return None
    node = read_yaml(text, FILE, findings.add)
    if node is None:
        if not len(findings):
            findings.add("S008", Place(FILE, 1), key="report")
        return None
    unreadable = [one for one in _scalars(node) if not _readable(one.text)]
    for one in unreadable:
        findings.add("S001", one.place, why="NUL")
    if not isinstance(node, Mapping) or next(iter(node.entries), "") != "report":
        findings.add("S008", node.place, key="report")
        return None
    return None if unreadable else read_report(Keys(node, findings))


def _measure(report: Report, findings: Findings) -> None:
    """Note what is more than anybody reads and the database should work out."""
    values = sum(len(part.values) for part in report.parts.values())
    for name, count, most in (
        ("columns", len(report.columns) + values, MOST_COLUMNS),
        ("parts", len(report.parts), MOST_PARTS),
        ("groups", len(report.groups), MOST_GROUPS),
    ):
        if count > most:
            findings.add("S016", report.place, why=f"{name} \u2264 {most}")


def _scalars(node: Node) -> Iterator[Scalar]:
    """Every text of a document, keys among them."""
    match node:
        case Scalar():
            yield node
        case Mapping():
            for key, value in node.entries.items():
                yield Scalar(key, node.keys[key], key)
                yield from _scalars(value)
        case _:
            for item in node.items:
                yield from _scalars(item)


def _readable(text: str) -> bool:
    """No database keeps NUL, and half of a pair of surrogates is no character."""
    return not any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in text)
