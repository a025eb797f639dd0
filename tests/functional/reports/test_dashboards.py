"""Dashboards: their figures are those of the reports, in the reader's rows, and nobody else's."""

from __future__ import annotations

import re
from html import unescape
from json import loads

from app.features.reports.dashboard_pages import spark
from app.features.reports.dashboards import figures, open_dashboard, pictures
from tests.functional.reports.running import records_of
from tests.support.portals import Portal


def test_the_figures_are_the_totals_of_their_reports(chain: Portal) -> None:
    with records_of(chain, "owner") as records:
        board = open_dashboard(records, "owner")
        found = {one.label.en: one for one in figures(records, board)}
    # Six people work in the three stores; one left in May and none in April.
    assert found["Headcount"].value == 6
    leavers = found["Leavers last month"]
    assert (leavers.value, leavers.before, len(leavers.trend)) == (1, 0, 6)


def test_a_picture_draws_its_largest_lines(chain: Portal) -> None:
    with records_of(chain, "owner") as records:
        board = open_dashboard(records, "owner")
        first = next(iter(pictures(records, board)))
    sales = [line.values["sales"] or 0 for line in first.result.lines]
    assert len(sales) <= first.picture.most


def test_everybody_sees_the_dashboards_of_their_roles(chain: Portal) -> None:
    for username, name in (("owner", "owner"), ("hr", "hr")):
        browser = chain.browser(username)
        answer = browser.get("/dashboards/")
        assert answer.headers["Location"].endswith(f"/dashboards/{name}")
        page = browser.get(f"/dashboards/{name}?whole=1")
        assert page.status_code == 200
        charts = [loads(unescape(text)) for text in re.findall(r'data-chart="([^"]+)"', page.text)]
        assert charts
        assert all(chart["x"] for chart in charts)
    assert chain.browser("hr").get("/dashboards/owner").status_code == 404
    assert chain.browser("owner").get("/dashboards/nothing").status_code == 404


def test_a_dashboard_costs_few_statements_the_second_time(chain: Portal) -> None:
    browser = chain.browser("owner")
    with chain.statements() as first:
        browser.get("/dashboards/owner/body")
    with chain.statements() as second:
        browser.get("/dashboards/owner/body")
    assert len(first) < 120
    assert len(second) <= len(first)


def test_a_page_comes_before_its_figures(chain: Portal) -> None:
    browser = chain.browser("owner")
    page = browser.get("/dashboards/owner").text
    assert 'hx-get="/dashboards/owner/body"' in page or "data-chart" in page
    body = browser.get("/dashboards/owner/body").text
    assert "<html" not in body
    assert "data-chart" in body
    assert chain.browser("hr").get("/dashboards/owner/body").status_code == 404


def test_a_spark_spans_its_box() -> None:
    assert spark([1, 3, 2]) == "0.0,22.0 50.0,2.0 100.0,12.0"
    assert spark([None, 5]) == ""
    assert spark([4, 4]) == "0.0,22.0 100.0,22.0"
