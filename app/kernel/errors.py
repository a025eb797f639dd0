"""One tree of errors: each has a code, a status and a sentence for its reader."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar

from app.kernel.messages import Message, _l


class ErrorCode(StrEnum):
    """What went wrong, for programs."""

    INTERNAL = "internal"
    UNAUTHENTICATED = "unauthenticated"
    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    INVALID = "invalid"
    CONFLICT = "conflict"
    STALE_REVISION = "stale_revision"
    UNAVAILABLE = "unavailable"
    SETTINGS = "settings"
    SCHEMA = "schema"
    REFUSED = "refused"
    TO_BE_DECIDED = "to_be_decided"
    TOO_MANY = "too_many"
    GONE = "gone"


class PortalError(Exception):
    """The base of every error that a reader may see."""

    code: ClassVar[ErrorCode] = ErrorCode.INTERNAL
    status: ClassVar[int] = 500

    def __init__(self, message: Message) -> None:
        super().__init__(str(message))
        self.message = message


class NotFound(PortalError):
    """No such record, or none that the actor may know of: both look the same."""

    code = ErrorCode.NOT_FOUND
    status = 404

    def __init__(self) -> None:
        super().__init__(_l("There is no such record, or you may not see it."))


class Forbidden(PortalError):
    """The actor may see the thing but not do this with it."""

    code = ErrorCode.FORBIDDEN
    status = 403


class Invalid(PortalError):
    """Values that cannot be saved; ``problems`` maps a field's path to sentences.

    The path of a field in a row of a children table is ``table.row.field``; the
    empty path stands for the whole record.
    """

    code = ErrorCode.INVALID
    status = 422

    def __init__(self, problems: Mapping[str, tuple[Message, ...]]) -> None:
        super().__init__(_l("Please correct the marked fields."))
        self.problems = problems


class Conflict(PortalError):
    """Somebody else saved the record first; ``current`` holds what it says now."""

    code = ErrorCode.CONFLICT
    status = 409

    def __init__(self, changed: tuple[str, ...] = ()) -> None:
        super().__init__(_l("Somebody else changed this record while you were editing it."))
        self.changed = changed


class Refused(PortalError):
    """A rule of the business stands against it now."""

    code = ErrorCode.REFUSED
    status = 409


class Gone(PortalError):
    """It was there, and is used up."""

    code = ErrorCode.GONE
    status = 410


class ToBeDecided(PortalError):
    """The deed is not for the actor alone: he may ask for it, and a second person decides.

    ``payload`` says what was to be done, as plain JSON; ``guard`` names the rule that held it back,
    and is empty where the role may only ask.
    """

    code = ErrorCode.TO_BE_DECIDED
    status = 409

    def __init__(
        self, kind: str, entity: str, payload: Mapping[str, object], guard: str = ""
    ) -> None:
        super().__init__(_l("A second person has to decide this. Please ask for it with a reason."))
        self.kind = kind
        self.entity = entity
        self.payload = payload
        self.guard = guard


class TooMany(PortalError):
    """Somebody tries one password after the other; after ``seconds`` the next one is looked at."""

    code = ErrorCode.TOO_MANY
    status = 429

    def __init__(self, seconds: int) -> None:
        super().__init__(
            _l("Too many attempts. Please try again in %(count)s seconds.", count=seconds)
        )
        self.seconds = seconds


class StaleRevision(PortalError):
    """This process still serves an older schema than the database has."""

    code = ErrorCode.STALE_REVISION
    status = 503

    def __init__(self) -> None:
        super().__init__(_l("The portal has just been changed. Please try again in a moment."))


class Unavailable(PortalError):
    """Something the portal stands on does not answer."""

    code = ErrorCode.UNAVAILABLE
    status = 503


class SettingsError(PortalError):
    """A setting is missing or wrong; the process cannot start."""

    code = ErrorCode.SETTINGS
    status = 500
