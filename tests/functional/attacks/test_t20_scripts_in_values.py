"""T20: a value stays text on every page, whatever is written into it."""

from __future__ import annotations

from html.parser import HTMLParser

from tests.functional.attacks.cast import West
from tests.functional.attacks.doors import addresses
from tests.support.polyglot import POLYGLOT, poisoned

LEFT_ALONE = (
    "/logout/",
    "/lang/",
    "/login/",
    "/password/",
    "/sessions/",
    "/second-factor/",
    "/tasks/",
    "/exports/",
)


class Page(HTMLParser):
    """Finds what a browser would run."""

    def __init__(self) -> None:
        super().__init__()
        self.alive: list[str] = []
        self.inline = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """A tag of the page, or one of an attacker."""
        for name, value in attributes:
            if name.startswith("on") or (value or "").strip().lower().startswith("javascript:"):
                self.alive.append(f"{tag} {name}={value}")
        if tag == "img" and dict(attributes).get("src") == "x":
            self.alive.append("img")
        if tag == "script" and not dict(attributes).get("src"):
            kind = dict(attributes).get("type")
            self.inline += kind not in ("application/json", "importmap")


def alive(text: str) -> list[str]:
    """What would run on a page."""
    page = Page()
    page.feed(text)
    return [*page.alive, *(["inline script"] * page.inline)]


def test_t20_no_page_runs_what_was_written(west: West) -> None:
    found = poisoned(west.portal)
    boss = west.portal.browser("boss")
    boss.post("/buyer/views", {"name": POLYGLOT[:60], "query": "q=1"})
    paths = addresses(west.portal, "GET", (), found, LEFT_ALONE)
    paths += [f"/{name}/list/?q=xss" for name in found] + [
        "/search/?q=" + POLYGLOT,
        "/?x=" + POLYGLOT,
    ]
    paths += [f"/buyer/list/?{POLYGLOT}={POLYGLOT}&sort={POLYGLOT}", "/nothing/" + POLYGLOT]
    shown = 0
    for path in paths:
        answer = boss.get(path)
        if answer.mimetype != "text/html":
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            continue
        assert alive(answer.text) == [], path
        shown += "xss" in answer.text
    assert shown > 30


def test_t20_the_trap_is_a_trap() -> None:
    assert alive(f"<p>{POLYGLOT}</p>") != []
    assert alive("<a href=' JavaScript:x'>") != []
    assert alive("<script>1</script>") == ["inline script"]


def test_t20_rich_text_keeps_words_and_loses_what_runs(west: West) -> None:
    task = west.portal.ids["task"]
    with west.portal.records() as records:
        version = records.get("task", task, ("version",)).values["version"]
        report = "<b>好</b><script>alert(7)</script><a href='javascript:1'>去</a>"
        records.change("task", task, {"report": report}, version)
    page = west.portal.browser("boss").get(f"/task/show/{task}").text
    assert "<b>好</b>" in page or "<strong>好</strong>" in page
    assert alive(page) == []
    assert "javascript:" not in page
