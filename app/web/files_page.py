"""Serves files by the record that they belong to."""

from __future__ import annotations

from typing import Any

from flask import Response, send_file
from flask_appbuilder import BaseView, expose

from app.web.state import Scope, scope
from app.web.uploads import open_file
from app.web.views import signed_in


class FileView(BaseView):
    """Files, served by the record that they belong to."""

    route_base = "/files"
    default_view = "open"

    @expose("/<int:number>")
    @signed_in
    def open(self, number: int) -> Any:
        """A file of a record that the reader may see."""
        return sent_file(scope(), number)


def sent_file(here: Scope, number: int, record: tuple[str, int] | None = None) -> Response:
    """The answer with a file that the reader may have; what it holds can do nothing in a browser.

    Raises NotFound, also when it is not a file of ``record``, an entity and an id.
    """
    found = open_file(here, number, record)
    response = send_file(found.stream, found.media, as_attachment=not found.inline,
                         download_name=found.name)  # fmt: skip
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response
