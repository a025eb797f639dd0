"""Serves files by the record that they belong to."""

from __future__ import annotations

from typing import Any

from flask import send_file
from flask_appbuilder import BaseView, expose

from app.web.state import scope
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
        path, name, media, inline = open_file(scope(), number)
        response = send_file(path, media, as_attachment=not inline, download_name=name)
        response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
        return response
