"""Flask-AppBuilder's view of an entity: names and keys only; data goes through the records door."""

from __future__ import annotations

from typing import Any

from flask_appbuilder.models.base import BaseInterface

from app.language.definitions import Entity
from app.storage.models import Record


class RecordInterface(BaseInterface):
    """Tells Flask-AppBuilder what an entity is called; it can neither read nor write rows."""

    filter_converter_class: Any = None

    def __init__(self, entity: Entity, model: type[Record]) -> None:
        self.entity = entity
        self.obj = model

    @property
    def model_name(self) -> str:
        """The name of the generated class."""
        return self.obj.__name__

    def get_pk_name(self) -> str:
        """The name of the key."""
        return "id"

    def get_columns_list(self) -> list[str]:
        """The names of the fields."""
        return list(self.entity.fields)
