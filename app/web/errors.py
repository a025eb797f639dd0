"""Every error becomes a page or JSON here: a sentence for its reader, a number for the administrator."""

from __future__ import annotations

import logging
import secrets
from typing import Any

from flask import Flask, Response, g, jsonify, make_response, redirect, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException

from app.kernel.errors import ErrorCode, Invalid, PortalError, StaleRevision, TooMany
from app.kernel.messages import Message, _l
from app.web.contexts import ErrorContext
from app.web.kept_forms import keep_sent
from app.web.locale import say
from app.web.refusals import note_refusal
from app.web.shell import FAILED
from app.web.state import scope
from app.web.step_up import ProofNeeded, to_proof

log = logging.getLogger(__name__)
STALE = "portal.stale"
SENTENCES = {
    400: _l("The request cannot be understood."),
    401: _l("Please sign in."),
    403: _l("You may not do this."),
    404: _l("There is no such page, or you may not see it."),
    405: _l("This address does not work that way."),
    413: _l("What you sent is too large."),
    429: _l("Too many requests. Please wait a moment."),
}
CODES = {
    401: ErrorCode.UNAUTHENTICATED,
    403: ErrorCode.FORBIDDEN,
    404: ErrorCode.NOT_FOUND,
    429: ErrorCode.TOO_MANY,
}
INTERNAL = _l(
    "Something went wrong on our side. Nothing was saved. Number for the administrator: %(number)s"
)


def install_errors(app: Flask) -> None:
    """Handle every error of the application."""
    app.register_error_handler(PortalError, _portal)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(Exception, _internal)


def problem_texts(invalid: Invalid, language: str) -> dict[str, list[str]]:
    """The sentences by field."""
    return {
        path: [say(text, language) for text in texts] for path, texts in invalid.problems.items()
    }


# Private


def _portal(error: PortalError) -> Any:
    if isinstance(error, StaleRevision):
        request.environ[STALE] = True
    here = scope()
    if isinstance(error, ProofNeeded) and not request.path.startswith("/api/"):
        return to_proof(keep_sent(here) or error.back)
    note_refusal(here, error.status)
    detail = problem_texts(error, here.language) if isinstance(error, Invalid) else None
    said = say(error.message, here.language)
    answer = make_response(_answer(error.status, error.code, said, detail=detail))
    if isinstance(error, TooMany):
        answer.headers["Retry-After"] = str(error.seconds)
    return answer


def _http(error: HTTPException) -> Any:
    status = error.code or 500
    if status < 400 and error.response is not None:
        return error.response
    if not hasattr(g, "portal_scope"):
        return error  # An address that asks nobody who they are, such as that of health checks.
    note_refusal(scope(), status)
    if status == 404 and request.url_rule is None:
        # The form of an entity that has another name now, or is gone.
        kept = keep_sent(scope())
        if kept:
            return redirect(kept, 303)
    message = SENTENCES.get(status, _l("The request failed."))
    code = CODES.get(status, ErrorCode.INTERNAL if status >= 500 else ErrorCode.INVALID)
    return _answer(status, code, say(message, scope().language))


def _csrf(error: CSRFError) -> Any:
    kept = keep_sent(scope())
    if kept:
        return redirect(kept, 303)
    text = _l(
        "The page was open too long or came from elsewhere. Please go back, reload and try again."
    )
    return _answer(400, ErrorCode.INVALID, say(text, scope().language))


def _internal(error: Exception) -> Any:
    """The last resort: logged with a number, shown without any detail."""
    number = secrets.token_hex(4)
    if hasattr(g, "portal_scope"):
        scope().session.rollback()  # Else a failed statement would fail the page about it too.
    if isinstance(error, DBAPIError):
        request.environ[STALE] = True
    log.error("incident %s: %s %s", number, request.method, request.path, exc_info=error)
    text = Message(INTERNAL.text, {"number": number})
    return _answer(500, ErrorCode.INTERNAL, say(text, scope().language), number=number)


def _answer(
    status: int, code: ErrorCode, text: str, *, number: str = "", detail: Any = None
) -> Any:
    if request.path.startswith("/api/") or request.accept_mimetypes.best == "application/json":
        body = {"message": text, "code": code.value}
        if detail is not None:
            body["errors"] = detail
        if number:
            body["incident"] = number
        return jsonify(body), status
    if request.headers.get("HX-Request"):
        return Response(text, status, content_type="text/plain; charset=utf-8")
    setattr(g, FAILED, True)
    title = {404: _l("Not found"), 403: _l("Not allowed")}.get(status, _l("That did not work"))
    page = ErrorContext(say(title, scope().language), text, status, number, "/")
    return render_template("errors/error.html", page=page), status
