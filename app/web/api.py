"""The generated REST endpoints of an entity, with the rules and conventions of its pages."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from flask import jsonify, request
from flask_appbuilder import ModelRestApi
from flask_appbuilder.api import expose
from flask_jwt_extended import verify_jwt_in_request
from flask_jwt_extended.exceptions import JWTExtendedException
from flask_wtf.csrf import validate_csrf
from jwt.exceptions import PyJWTError
from marshmallow import Schema, ValidationError
from wtforms.validators import ValidationError as CSRFInvalid

from app.access.permissions import Visibility
from app.kernel.errors import ErrorCode, Forbidden, Invalid, NotFound, PortalError, ToBeDecided
from app.kernel.messages import Message, _l
from app.language.definitions import Entity, Field, Rights
from app.records.accounts import ROLE_ASSIGNMENT
from app.records.linking import linking_names
from app.records.queries import Row
from app.records.titles import Key
from app.storage.database import unit_of_work
from app.web.addresses import whole
from app.web.api_fields import in_own_words, input_schema, to_json
from app.web.api_queries import names_of, query_of, read_rison, refuse_unknown
from app.web.files_page import sent_file
from app.web.held import held
from app.web.locale import say
from app.web.once import once
from app.web.record_interface import RecordInterface
from app.web.security import enter
from app.web.state import Scope, scope
from app.web.step_up import require_step_up
from app.web.uploads import claim_files, keep_sent

UPLOADED = ("file", "files", "image")
Handler = Callable[..., Any]
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

    code = ErrorCode.UNAUTHENTICATED
    status = 401

    def __init__(self) -> None:
        super().__init__(_l("Please sign in."))


def waits(here: Scope, fault: ToBeDecided) -> Any:
    """The answer to a deed that waits for a second person: where its request stands."""
    address = held(here, fault, request.args.get("reason", ""))
    text = say(_l("This waits for a second person to decide."), here.language)
    return jsonify(message=text, request=address), 202


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
        try:
            return handler(*arguments, **named)
        except ToBeDecided as fault:
            return waits(scope(), fault)

    return wrapped


class RecordApi(ModelRestApi):
    """REST for one entity; ``entity`` is set on each generated subclass."""

    entity: ClassVar[Entity]
    datamodel: ClassVar[RecordInterface]
    # Only what is written here has an address: the inherited endpoints know nothing of rights on rows.
    include_route_methods = {
        "get_list",
        "get",
        "post",
        "put",
        "delete",
        "move",
        "info",
        "keep_file",
        "open_file",
    }
    base_permissions: ClassVar[list[str]] = [f"can_{right}" for right in Rights]

    def _init_properties(self) -> None:
        """Columns depend on the reader."""
        self.limits: list[Any] = []

    def _init_model_schemas(self) -> None:
        """What may be sent, for a new record and for a change, is made when it is first needed."""
        self.inputs: dict[bool, Schema] = {}

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
        here, asked = scope(), read_rison()
        refuse_unknown(self.entity, names_of(asked.get("columns")))
        access = here.access.entity(self.entity.name)
        names = tuple(name for name in names_of(asked.get("columns")) or self.entity.list.columns
                      if access.visibility(name) is not Visibility.HIDDEN)  # fmt: skip
        query = query_of(self.entity, names, asked)
        page = here.records.find(query)
        body: dict[str, Any] = {
            "count": page.total if page.total is not None else -1,
            "ids": [row.id for row in page.rows],
            "result": self._json(here, page.rows, page.titles),
        }
        if "none" not in names_of(asked.get("keys")):
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
        return jsonify({"id": pk, "result": self._json(here, [row], titles)[0]})

    @expose("/", methods=["POST"])
    @authenticated
    def post(self) -> Any:
        """Add a record; the header ``Idempotency-Key`` makes sure that it is added once."""
        here = scope()
        self._known(here)
        self._proved()
        values = self._input(here, partial=False)
        made: list[int] = []
        with unit_of_work(here.session):
            pk = once(here, lambda: self._created(here, values, made))
            return self._saved(here, pk, 201, here.records.own if made else here.records.get)

    @expose("/<int:pk>", methods=["PUT"])
    @authenticated
    def put(self, pk: int) -> Any:
        """Change a record; ``version`` says which version was changed."""
        here = scope()
        self._known(here)
        self._proved()
        values = self._input(here, partial=True)
        version = values.pop("version")
        with unit_of_work(here.session):
            here.records.change(self.entity.name, pk, values, version)
            claim_files(here, self.entity, pk, values)
            return self._saved(here, pk, 200, here.records.get)

    @expose("/<int:pk>", methods=["DELETE"])
    @authenticated
    def delete(self, pk: int) -> Any:
        """Delete a record; ``?version=`` says which version was seen.

        Where a second person decides, ``?reason=`` asks for it, and the answer is 202.
        """
        here = scope()
        self._known(here)
        asked = request.args.get("version")
        seen = whole(asked)
        if asked is not None and seen is None:
            raise Invalid({"version": (_l("Enter a whole number."),)})
        if seen is None:
            seen = here.records.get(self.entity.name, pk, ("version",)).values["version"]
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
            claim_files(here, self.entity, pk, values)
            return self._saved(here, pk, 200, here.records.get)

    @expose("/files/<name>", methods=["POST"])
    @authenticated
    def keep_file(self, name: str) -> Any:
        """Send a file as ``file`` of a multipart form; its id is then saved in the field of a record."""
        here = scope()
        self._known(here)
        field, access = self.entity.fields.get(name), here.access.entity(self.entity.name)
        hidden = access.visibility(name) is Visibility.HIDDEN
        if field is None or field.type not in UPLOADED or hidden:
            raise NotFound
        if not any(access.may_set(name, right) for right in (Rights.CREATE, Rights.EDIT)):
            raise Forbidden(_l("You may not fill in this field."))
        sent = request.files.get("file")
        if sent is None or not sent.filename:
            raise Invalid({name: (_l("Send a file as “file” of a multipart form."),)})
        with unit_of_work(here.session):
            kept = keep_sent(here, self.entity, field, sent)
        return jsonify(id=kept.id, name=kept.name, size=kept.size), 201

    @expose("/<int:pk>/files/<int:number>", methods=["GET"])
    @authenticated
    def open_file(self, pk: int, number: int) -> Any:
        """The content of a file of a record."""
        here = scope()
        self._known(here)
        here.records.get(self.entity.name, pk, ())
        return sent_file(here, number, (self.entity.name, pk))

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

    def _proved(self) -> None:
        """Whoever gives a role has signed in, or proved who he is, just now."""
        if self.entity.name == ROLE_ASSIGNMENT:
            require_step_up()

    def _input(self, here: Scope, *, partial: bool) -> dict[str, Any]:
        expected = self.inputs.get(partial)
        if expected is None:
            expected = input_schema(here.schema, self.entity, partial=partial)
            self.inputs[partial] = expected
        return read_json(expected, self.entity)

    def _created(self, here: Scope, values: dict[str, Any], made: list[int]) -> int:
        pk = here.records.create(self.entity.name, values)
        claim_files(here, self.entity, pk, values)
        made.append(pk)
        return pk

    def _saved(self, here: Scope, pk: int, status: int, read: Callable[[str, int], Row]) -> Any:
        warnings = [label.text(here.language) for label in here.records.warnings]
        try:
            row = read(self.entity.name, pk)
            titles = here.records.reader.titles_of(self.entity, [row])
            result: Mapping[str, Any] = self._json(here, [row], titles)[0]
        except NotFound:
            result = {"id": pk}
        body: dict[str, Any] = {"id": pk, "result": result}
        if warnings:
            body["warnings"] = warnings
        return jsonify(body), status

    def _json(
        self, here: Scope, rows: Sequence[Row], titles: Mapping[Key, str]
    ) -> list[dict[str, Any]]:
        """The values of rows, with the titles of what they link to."""
        reader = here.records.reader
        linking = linking_names(here.schema.entities, self.entity, rows)
        made = []
        for row in rows:
            found: dict[str, Any] = {}
            for name, value in row.values.items():
                linked = name in linking and name not in row.masked
                keys = tuple(reader.links_in(self.entity, name, value)) if linked else ()
                shown = [{"id": key[1], "title": titles.get(key)} for key in keys]
                plain = to_json(value) if not keys else shown
                found[name] = shown[0] if keys and not isinstance(value, list) else plain
            made.append(found)
        return made


def read_json(expected: Schema, entity: Entity | None = None) -> dict[str, Any]:
    """What was sent, as ``expected`` reads it; raises Invalid with a sentence for each field."""
    body = json_body()
    if not isinstance(body, dict):
        raise Invalid({"": (_l("Send a JSON object."),)})
    try:
        return dict(expected.load(body))
    except ValidationError as error:
        problems = _flat(error.normalized_messages())
        raise Invalid(in_own_words(entity, expected, problems)) from error


def json_body() -> Any:
    """What was sent as JSON; None for anything else, however deep it is nested."""
    try:
        return request.get_json(silent=True)
    except RecursionError:
        return None


# Private


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
