"""Reports that somebody makes for himself, and which of them tell of buyers one by one."""

from __future__ import annotations

from app.features.reports import saved
from app.features.reports.author import Author
from app.storage.database import unit_of_work
from tests.functional.reports.running import records_written
from tests.support.portals import Portal

HEAD = "report: new\nlabel: {zh: 自制, en: Own}\nhelp: {zh: 自制, en: Own}\nfor: []\n"
COUNT = "columns: {n: {part: these, count: rows, label: {zh: 数, en: Number}, help: {zh: 数, en: Number}}}\n"


def grouped(entity: str, path: str, more: str = "") -> str:
    """Figures by one path."""
    return (f"{HEAD}groups: {{g: {{label: {{zh: 组, en: Group}}{more}}}}}\n"
            f"parts: {{these: {{entity: {entity}, by: {{g: {path}}}}}}}\n{COUNT}sort: [g]\n")  # fmt: skip


def listed(entity: str, *paths: str) -> str:
    """A list with columns."""
    columns = ", ".join(f"c{n}: {path}" for n, path in enumerate(paths))
    return f"{HEAD}entity: {entity}\ncolumns: {{{columns}}}\nsort: [c0]\n"


PICKED = f"""{HEAD}groups: {{g: {{label: {{zh: 组, en: Group}}}}}}
parts: {{these: {{entity: buyer, by: {{g: bed}}}}}}
columns: {{one: {{part: these, pick: name, label: {{zh: 一个, en: One}}, help: {{zh: 一个, en: One}}}}}}
"""
# Of buyers alone, which a keeper may ask for.
BUYERS = {
    "buyers by name": grouped("buyer", "name"),
    "buyers by code": grouped("buyer", "licence"),
    "buyers by sum": grouped("buyer", "turnover"),
    "buyers by moment": grouped("buyer", "created_at"),
    "buyers by themselves": grouped("buyer", "id"),
    "sales by name": grouped("sale", "buyer.name"),
    "sales by buyer": grouped("sale", "buyer"),
    "one of each bed": PICKED,
    "list of buyers": listed("buyer", "name"),
}
# Of sales as well, which he may only look at.
SALES = {
    "list of sales": listed("sale", "number", "total"),
    "list of sales with names": listed("sale", "number", "buyer.name"),
    "list of sales with buyers": listed("sale", "buyer", "total"),
}
FIGURES = {
    "buyers by bed": grouped("buyer", "bed"),
    "buyers by region": grouped("buyer", "region"),
    "buyers by month": grouped("buyer", "created_at", ", each: month"),
    "sales by bed": grouped("sale", "buyer.bed"),
    "plants by species": grouped("plant", "species"),
    "plants by state": grouped("plant", "state"),
}


def own_report(portal: Portal, username: str, source: str, name: str = "") -> str:
    """A report that somebody saved, or changed; its name."""
    with records_written(portal, username) as records, unit_of_work(records.session):
        version = saved.open_saved(Author(records), name).version if name else 0
        return saved.save(Author(records), source, name, version)
