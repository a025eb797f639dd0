"""What the database says against a change of the schema, in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from app.kernel.errors import Refused, Unavailable
from app.kernel.messages import Message, _l

LOCKED = "55P03"
# Errors of these classes are the connection's, the server's or the machine's, not the change's.
ITS_OWN = ("08", "53", "57", "58", "XX")


@contextmanager
def said_plainly(step: Message | None = None) -> Iterator[None]:
    """Raise Refused or Unavailable for any error of the database, without its statement.

    The reference is PostgreSQL's code with the name of what stands against it; its log has the rest.
    """
    try:
        yield
    except DBAPIError as error:
        code = str(getattr(error.orig, "sqlstate", None) or "")
        if code == LOCKED:
            raise Unavailable(
                _l("Somebody else is working on the tables. Please try again in a moment.")
            ) from error
        if not code or code.startswith(ITS_OWN):
            raise Unavailable(
                _l("The database broke off, and nothing was changed. Please try again. (Reference: %(reference)s)",
                   reference=code or type(error.orig).__name__)
            ) from error  # fmt: skip
        said = getattr(error.orig, "diag", None)
        table = getattr(said, "table_name", None) or "–"
        named = getattr(said, "constraint_name", None) or getattr(said, "column_name", None)
        raise Refused(
            _l("%(step)s The database refuses it at table %(table)s, and nothing was changed. Please correct"
               " the rows or the schema and apply it again. (Reference: %(reference)s)",
               step=step or _l("Apply the schema."), table=table,
               reference=" ".join(filter(None, (code, named))))
        ) from error  # fmt: skip
