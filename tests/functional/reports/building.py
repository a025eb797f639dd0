"""The builder as a browser fills it in, and what it made as somebody reads it."""

from __future__ import annotations

import html
import re
from typing import Any

from tests.support.portals import Browser


def controls(page: str) -> dict[str, Any]:
    """The values that the form of a page would send, with lists where a name stands several times."""
    form = page[page.index('id="builder-body"') :]
    found: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name = re.search(r'name="([^"]*)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        ticked = 'type="checkbox"' in tag or 'type="radio"' in tag
        if name and (not ticked or " checked" in tag):
            found.setdefault(name[1], []).append(html.unescape(value[1] if value else ""))
    for name, inner in re.findall(
        r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.DOTALL
    ):
        options = re.findall(r'<option value="([^"]*)"( selected)?', inner)
        chosen = [value for value, on in options if on] or [value for value, _ in options[:1]]
        found.setdefault(name, []).extend(map(html.unescape, chosen))
    text = re.search(r"<textarea[^>]*>\n?(.*?)</textarea>", form, re.DOTALL)
    found["source"] = [html.unescape(text[1]) if text else ""]
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


class Builder:
    """One sheet of the builder in somebody's browser."""

    def __init__(self, browser: Browser, path: str = "/reports/new") -> None:
        self.browser = browser
        self.path = path
        self.page = browser.get(path)
        self.sent = controls(self.page.text)
        self.version = _hidden(self.page.text, "version")

    def change(self, do: str = "show", **values: Any) -> Builder:
        """Change controls (``__`` stands for a point) and let the server draw the form anew."""
        self.sent |= {name.replace("__", "."): value for name, value in values.items()}
        self.page = self.browser.post("/reports/preview", {**self.sent, "do": do})
        assert self.page.status_code == 200, self.page.text
        self.sent = controls(self.page.text)
        return self

    def write(self, source: str) -> Builder:
        """Write the text by hand."""
        return self.change(source=source)

    def save(self, **values: Any) -> Any:
        """Press the button; the answer is kept as the page."""
        sent = {**self.sent, **values, "do": "save", "version": self.version}
        self.page = self.browser.post(self.path, sent)
        return self.page

    def saved(self, **values: Any) -> str:
        """Save and return the name of the report."""
        answer = self.save(**values)
        assert answer.status_code == 302, problems(answer.text)
        return str(answer.headers["Location"]).rpartition("/")[2]

    @property
    def source(self) -> str:
        """The text of the report."""
        return str(self.sent["source"])

    @property
    def table(self) -> list[list[str]]:
        """The cells of the preview, headings first and the total last."""
        return cells(self.page.text[self.page.text.index("builder-preview") :])


def cells(page: str) -> list[list[str]]:
    """The cells of the table of a page."""
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    return [[_plain(one) for one in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
            for row in rows]  # fmt: skip


def problems(page: str) -> list[str]:
    """What a page says is wrong."""
    found = re.findall(r'<ul class="errs-list"[^>]*>(.*?)</ul>', page, re.DOTALL)
    notes = re.findall(r'<div class="note tone-danger"[^>]*>(.*?)</div></div>', page, re.DOTALL)
    return [_plain(one) for one in (*found, *notes)]


def _plain(inner: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", inner)).strip()


def _hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    return found[1] if found else ""
