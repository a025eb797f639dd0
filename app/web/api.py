"""The generated REST endpoints of an entity, with the rules and conventions of its pages."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

import prison
from flask import jsonify, request
from flask_appbuilder import ModelRestApi
from flask_appbuilder.api import expose
from flask_jwt_extended import verify_jwt_in_request
from flask_jwt_extended.exceptions import JWTExtendedException
from flask_wtf.csrf import validate_csrf
from jwt.exceptions import PyJWTError
from marshmallow import ValidationError
from wtforms.validators import ValidationError as CSRFInvalid

from app.access.permissions import Visibility
from app.kernel.errors import Forbidden, Invalid, NotFound, PortalError
from app.kernel.messages import Message, _l
from app.language.definitions import Entity, Field, Rights
from app.language.field_types import FIELD_TYPES
from app.records.queries import MAX_PAGE, Filter, Query, Row
from app.records.titles import Key
from app.storage.database import unit_of_work
from app.web.api_fields import input_schema, to_json
from app.web.locale import say
from app.web.record_interface import RecordInterface
from app.web.security import enter
from app.web.state import Scope, scope

Handler = Callable[..., Any]
OPERATORS = {
    "eq": "in", "in": "in", "ct": "contains", "gt": "above", "lt": "below", "rel_o_m": "in", "rel_m_m": "in",
    "between": "between", "empty": "empty", "filled": "filled",
}  # fmt: skip
LONGEST_QUERY = 4000
WORDS = {
    "Missing data for required field.": _l("Please fill this in."),
    "Field may not be null.": _l("Please fill this in."),
    "Unknown field.": _l("There is no such field to fill in."),
    "Not a valid string.": _l("Enter a text."),
    "Not a valid integer.": _l("Enter a whole number."),
    "Not a valid number.": _l("Enter a number."),
    "Special numeric values (nan or infinity) are not permitted.": _l("Enter a number."),
    "Number too large.": _l("The number is too large."),
    "Not a valid boolean.": _l("Choose yes or no."),
    "Not a valid date.": _l("Enter a date such as 2026-01-31."),
    "Not a valid aware datetime.": _l("Enter a date and time such as 2026-01-31 09:30."),
    "Not a valid datetime.": _l("Enter a date and time such as 2026-01-31 09:30."),
    "Not a valid time.": _l("Enter a time such as 09:30."),
    "Not a valid month.": _l("Enter a month such as 2026-01."),
    "Not a valid list.": _l("Enter a list."),
    "Invalid input type.": _l("Send a JSON object."),
    "choice": _l("Pick one of the choices."),
}


class Unauthenticated(PortalError):
    """No valid token or session came with the request."""

    status = 401

    def __init__(self) -> None:
        super().__init__(_l("Please sign in."))


def authenticated(handler: Handler) -> Handler:
    """By token, or by the browser's session with the CSRF token in ``X-CSRFToken``."""

    @functools.wraps(handler)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        if "Authorization" in request.headers or scope().known is None:
            try:
                enter(None)
                verify_jwt_in_request()
            except (JWTExtendedException, PyJWTError) as error:
                raise Unauthenticated from error
            if scope().known is None:
                raise Unauthenticated
        elif request.method not in ("GET", "HEAD"):
            try:
                validate_csrf(request.headers.get("X-CSRFToken"))
            except CSRFInvalid as error:
                raise Forbidden(_l("The X-CSRFToken header is missing or wrong.")) from error
        return handler(*arguments, **named)

    return wrapped


class RecordApi(ModelRestApi):
    """REST for one entity; ``entity`` is set on each generated subclass."""

    entity: ClassVar[Entity]
    datamodel: ClassVar[RecordInterface]
    # Only what is written here has an address: the inherited endpoints know nothing of rights on rows.
    include_route_methods = {"get_list", "get", "post", "put", "delete", "move", "info"}
    base_permissions: ClassVar[list[str]] = [f"can_{right}" for right in Rights]

    def _init_properties(self) -> None:
        """Columns depend on the reader."""
        self.limits: list[Any] = []

    def _init_model_schemas(self) -> None:
        """Schemas are made when they are first needed."""

    def _init_titles(self) -> None:
        """Titles depend on the language."""

    def add_api_spec(self, api_spec: Any) -> None:
        """The description is generated from the schema as a whole."""

    def add_apispec_components(self, api_spec: Any) -> None:
        """As above."""

    @expose("/", methods=["GET"])
    @authenticated
    def get_list(self) -> Any:
        """A page of records.

        The rison ``q`` takes columns, filters, search, order_column, order_direction, page, page_size.
        """
        here, asked = scope(), _rison()
        access = here.access.entity(self.entity.name)
        names = tuple(name for name in _names(asked.get("columns")) or self.entity.list.columns
                      if access.visibility(name) is not Visibility.HIDDEN)  # fmt: skip
        query = _query(self.entity, names, asked, here)
        page = here.records.find(query)
        body: dict[str, Any] = {
            "count": page.total if page.total is not None else -1,
            "ids": [row.id for row in page.rows],
            "result": [self._json(here, row, page.titles) for row in page.rows],
        }
        if "none" not in _names(asked.get("keys")):
            body |= {
                "list_columns": list(names),
                "label_columns": {name: _label(self.entity, name, here.language) for name in names},
                "list_title": self.entity.label.plural(here.language),
            }
        return jsonify(body)

    @expose("/<int:pk>", methods=["GET"])
    @authenticated
    def get(self, pk: int) -> Any:
        """One record with everything that the reader may see."""
        here = scope()
        row = here.records.get(self.entity.name, pk)
        titles = here.records.reader.titles_of(self.entity, [row])
        return jsonify({"id": pk, "result": self._json(here, row, titles)})

    @expose("/", methods=["POST"])
    @authenticated
    def post(self) -> Any:
        """Add a record."""
        here = scope()
        self._known(here)
        values = self._input(here, partial=False)
        with unit_of_work(here.session):
            pk = here.records.create(self.entity.name, values)
        return self._saved(here, pk, 201)

    @expose("/<int:pk>", methods=["PUT"])
    @authenticated
    def put(self, pk: int) -> Any:
        """Change a record; ``version`` says which version was changed."""
        here = scope()
        self._known(here)
        here.records.get(self.entity.name, pk, ())
        values = self._input(here, partial=True)
        version = values.pop("version")
        with unit_of_work(here.session):
            here.records.change(self.entity.name, pk, values, version)
        return self._saved(here, pk, 200)

    @expose("/<int:pk>", methods=["DELETE"])
    @authenticated
    def delete(self, pk: int) -> Any:
        """Delete a record; ``?version=`` says which version was seen."""
        here = scope()
        self._known(here)
        text = request.args.get("version", "")
        seen = (
            int(text)
            if text.isdigit() and len(text) < 10
            else here.records.get(self.entity.name, pk, ("version",)).values["version"]
        )
        with unit_of_work(here.session):
            here.records.remove(self.entity.name, pk, seen)
        return jsonify(message=say(_l("Deleted."), here.language))

    @expose("/<int:pk>/move/<name>", methods=["POST"])
    @authenticated
    def move(self, pk: int, name: str) -> Any:
        """Take a step; the body holds ``version`` and the fields that the step asks for."""
        here = scope()
        self._known(here)
        values = self._input(here, partial=True)
        version = values.pop("version")
        with unit_of_work(here.session):
            here.records.move(self.entity.name, pk, name, version, values)
        return self._saved(here, pk, 200)

    @expose("/_info", methods=["GET"])
    @authenticated
    def info(self) -> Any:
        """What the reader may do, and the fields that he may fill in."""
        here = scope()
        self._known(here)
        access = here.access.entity(self.entity.name)
        rights = [f"can_{right}" for right in Rights if access.allows(right)]
        fields = [f for f in self.entity.settable_fields if not f.readonly]
        add = [
            _field_info(f, here.language) for f in fields if access.may_set(f.name, Rights.CREATE)
        ]
        edit = [
            _field_info(f, here.language) for f in fields if access.may_set(f.name, Rights.EDIT)
        ]
        return jsonify({"permissions": rights, "add_columns": add, "edit_columns": edit})

    # Private

    def _known(self, here: Scope) -> None:
        if not here.access.entity(self.entity.name).allows(Rights.READ):
            raise NotFound

    def _input(self, here: Scope, *, partial: bool) -> dict[str, Any]:
        body = request.get_json(silent=True)
        if not isinstance(body, dict):
            raise Invalid({"": (_l("Send a JSON object."),)})
        try:
            return dict(input_schema(here.schema, self.entity, partial=partial).load(body))
        except ValidationError as error:
            raise Invalid(_flat(error.normalized_messages())) from error

    def _saved(self, here: Scope, pk: int, status: int) -> Any:
        warnings = [label.text(here.language) for label in here.records.warnings]
        try:
            row = here.records.get(self.entity.name, pk)
            titles = here.records.reader.titles_of(self.entity, [row])
            result: Mapping[str, Any] = self._json(here, row, titles)
        except NotFound:
            result = {"id": pk}
        body: dict[str, Any] = {"id": pk, "result": result}
        if warnings:
            body["warnings"] = warnings
        return jsonify(body), status

    def _json(self, here: Scope, row: Row, titles: Mapping[Key, str]) -> dict[str, Any]:
        links = here.records.reader.links_in
        found: dict[str, Any] = {}
        for name, value in row.values.items():
            keys = tuple(links(self.entity, name, value)) if name not in row.masked else ()
            if not keys:
                found[name] = to_json(value)
                continue
            shown = [{"id": key[1], "title": titles.get(key)} for key in keys]
            found[name] = shown if isinstance(value, list) else shown[0]
        return found


# Private


def _rison() -> dict[str, Any]:
    text = request.args.get("q", "")
    if not text:
        return {}
    if len(text) > LONGEST_QUERY or text.count("(") > 60:
        raise Invalid({"q": (_l("The query is too long."),)})
    try:
        found = prison.loads(text)
    except (prison.decoder.ParserException, ValueError, RecursionError, IndexError) as error:
        raise Invalid({"q": (_l("The query is not valid rison."),)}) from error
    if not isinstance(found, dict):
        raise Invalid({"q": (_l("The query is not valid rison."),)})
    return found


def _names(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _query(entity: Entity, names: tuple[str, ...], asked: Mapping[str, Any], here: Scope) -> Query:
    for name in names:
        if entity.field(name) is None:
            raise Invalid({"columns": (_l("There is no field %(name)s.", name=name),)})
    size, page = asked.get("page_size", 25), asked.get("page", 0)
    if (
        not isinstance(size, int)
        or not isinstance(page, int)
        or isinstance(size, bool)
        or not 0 <= page < 10**7
    ):
        raise Invalid({"page": (_l("Enter a whole number."),)})
    order, direction = asked.get("order_column"), asked.get("order_direction", "asc")
    if direction not in ("asc", "desc"):
        raise Invalid({"order_direction": (_l("Pick one of the choices."),)})
    sort = entity.list.sort if not order else f"-{order}" if direction == "desc" else str(order)
    size = min(max(size, 1), MAX_PAGE)
    filters = asked.get("filters", [])
    if not isinstance(filters, list) or not all(isinstance(item, dict) for item in filters):
        raise Invalid({"filters": (_l("Enter a list."),)})
    return Query(
        entity=entity.name,
        columns=names,
        filters=tuple(_filter(entity, item, here) for item in filters),
        search=str(asked.get("search", ""))[:100],
        sort=sort,
        offset=page * size,
        limit=size,
    )


def _filter(entity: Entity, item: Mapping[str, Any], here: Scope) -> Filter:
    name, operator = str(item.get("col")), OPERATORS.get(str(item.get("opr")))
    field = entity.field(name)
    if field is None or operator is None:
        raise Invalid({"filters": (_l("There is no such filter: %(name)s.", name=name),)})
    value = item.get("value")
    if operator in ("empty", "filled"):
        return Filter(name, operator)
    values = value if isinstance(value, list) else [value]
    if operator == "contains":
        if FIELD_TYPES.get(field.type).filter not in ("text", "choice", "tags") or not isinstance(
            value, str
        ):
            raise Invalid({name: (_l("The list cannot be filtered by this."),)})
        return Filter(
            name, "contains" if FIELD_TYPES.get(field.type).filter == "text" else "in", (value,)
        )
    typed = tuple(_typed(field, one) for one in values)
    if operator == "in":
        return Filter(name, "in", typed)
    if FIELD_TYPES.get(field.type).filter not in ("date", "number"):
        raise Invalid({name: (_l("The list cannot be filtered by this."),)})
    if operator == "between" and len(typed) == 2:
        return Filter(name, "between", typed)
    step: Any = _step(field)
    if operator == "above":
        return Filter(name, "between", (typed[0] + step, None))
    if operator == "below":
        return Filter(name, "between", (None, typed[0] - step))
    raise Invalid({name: (_l("The list cannot be filtered by this."),)})


def _step(field: Field) -> Any:
    if FIELD_TYPES.get(field.type).filter == "date":
        return timedelta(microseconds=1) if field.type == "datetime" else timedelta(days=1)
    places = (
        0
        if field.type in ("integer", "rating", "duration")
        else int(field.options.get("places", 2))
    )
    return Decimal(1).scaleb(-places)


def _typed(field: Field, value: Any) -> Any:
    """A filter's value with the type of the field; raises Invalid."""
    wrong = Invalid({field.name: (_l("This does not have the right form."),)})
    kind = FIELD_TYPES.get(field.type).filter
    try:
        if kind == "number":
            return Decimal(str(value))
        if kind == "date":
            text = str(value)
            if field.type == "datetime":
                moment = datetime.fromisoformat(text)
                return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return date.fromisoformat(text if len(text) > 7 else f"{text}-01")
        if kind == "link" or field.name == "id":
            number = int(value)
            if not 0 <= number < 2**62:
                raise wrong
            return number
    except (ValueError, TypeError, InvalidOperation) as error:
        raise wrong from error
    if kind == "yes_no":
        if not isinstance(value, bool):
            raise wrong
        return value
    return str(value)


def _label(entity: Entity, name: str, language: str) -> str:
    field = entity.field(name)
    return field.label.text(language) if field else name


def _field_info(field: Field, language: str) -> dict[str, Any]:
    info: dict[str, Any] = {
        "name": field.name, "label": field.label.text(language), "type": field.type, "required": field.required,
        "unique": field.unique, "description": field.help.text(language) if field.help else "",
    }  # fmt: skip
    if field.choices:
        info["choices"] = [
            {"value": c.name, "label": c.label.text(language)} for c in field.choices
        ]
    return info


def _said(text: str) -> Message:
    """Marshmallow's sentence in the product's own words."""
    return WORDS.get(text) or (
        WORDS["choice"] if text.startswith("Must be one of") else Message(text)
    )


def _flat(messages: Any, prefix: str = "") -> dict[str, tuple[Message, ...]]:
    """Marshmallow's messages by the path of the field."""
    found: dict[str, tuple[Message, ...]] = {}
    for key, value in messages.items():
        name = "" if key == "_schema" else str(key)
        path = f"{prefix}.{name}".strip(".") if prefix else name
        if isinstance(value, dict):
            found |= _flat(value, path)
        else:
            found[path] = tuple(_said(str(text)) for text in value)
    return found
