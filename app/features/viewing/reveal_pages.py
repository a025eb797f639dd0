"""Uncovering one masked value on the page of its record, and by the API."""

from __future__ import annotations

from typing import Any

from flask import jsonify, render_template, request
from flask_appbuilder import BaseView
from flask_appbuilder.api import BaseApi, expose

from app.features.viewing.revealing import Wish, reveal
from app.kernel.errors import Invalid, NotFound, Refused
from app.kernel.messages import _l
from app.language.definitions import Entity
from app.web.api import authenticated, json_body
from app.web.api_fields import to_json
from app.web.locale import say
from app.web.portal import Portal
from app.web.show_page import ShowPage
from app.web.state import Scope, scope
from app.web.uncovering import Revealed
from app.web.views import signed_in

OTHER = "other"
LONGEST_NAME = 63


class RevealView(BaseView):
    """The button beside a masked value."""

    route_base = ""

    @expose("/<name>/reveal/<int:pk>", methods=["POST"])
    @signed_in
    def reveal(self, name: str, pk: int) -> Any:
        """The page of the record, with the one value in this answer only."""
        here = scope()
        entity, field = _entity(here, name), request.form.get("field", "")[:LONGEST_NAME]
        chosen, said = request.form.get("choice", OTHER), request.form.get("reason", "")
        reason = said if chosen == OTHER else chosen
        status = 200
        try:
            shown = Revealed(field, value=reveal(here.records, Wish(entity, pk, field, reason)))
        except Invalid as fault:
            status = fault.status
            problem = say(fault.problems["reason"][0], here.language)
            shown = Revealed(field, problem=problem, reason=said)
        except Refused:
            # It was uncovered for everybody, or emptied, since the page was opened.
            shown = Revealed("")
        page = ShowPage(here, entity, pk).context(revealed=shown)
        return render_template("records/show.html", page=page), status


class RevealApi(BaseApi):
    """The same for programs."""

    route_base = "/api/v1"
    base_permissions = ("can_read",)

    @expose("/<name>/<int:pk>/reveal", methods=["POST"])
    @authenticated
    def reveal(self, name: str, pk: int) -> Any:
        """The value of ``field``, for a ``reason``; both stand in the body."""
        here, body = scope(), json_body()
        entity = _entity(here, name)
        if not isinstance(body, dict):
            raise Invalid({"": (_l("Send a JSON object."),)})
        texts = [body.get("field", ""), body.get("reason", "")]
        for key, text in zip(("field", "reason"), texts, strict=True):
            if not isinstance(text, str):
                raise Invalid({key: (_l("Enter a text."),)})
        value = reveal(here.records, Wish(entity, pk, texts[0], texts[1]))
        return jsonify(id=pk, field=texts[0], value=to_json(value))

    def add_api_spec(self, api_spec: Any) -> None:
        """The description is generated from the schema as a whole."""


def register(portal: Portal) -> None:
    """Add both doors."""
    portal.add_pages(RevealView)
    portal.add_api(RevealApi)


# Private


def _entity(here: Scope, name: str) -> Entity:
    for entity in here.schema.enabled_entities():
        if entity.name == name:
            return entity
    raise NotFound
