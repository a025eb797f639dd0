"""The small forms of accounts: a few fields, what is wrong with each, and a button."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import render_template

from app.kernel.errors import Invalid, PortalError
from app.kernel.messages import Message, _l
from app.web.contexts import Crumb
from app.web.form_contexts import FormContext, FormField, FormSection, FormTab
from app.web.locale import say
from app.web.sign_in import outcome
from app.web.state import Scope

SAVE, GO_ON = _l("Save"), _l("Go on")


def secret_field(here: Scope, name: str, label: Message) -> FormField:
    """A field whose text nobody sees."""
    said = say(label, here.language)
    return FormField(name, said, "secret", required=True, input_type="password")


def code_field(here: Scope, label: Message) -> FormField:
    """A field for a code."""
    said = say(label, here.language)
    return FormField("code", said, "text", required=True, input_mode="text", maxlength=40)


def small_form(
    here: Scope,
    fields: tuple[FormField, ...],
    addresses: tuple[str, str],
    title: Message,
    error: PortalError | None,
    submit: Message = SAVE,
) -> Any:
    """The page of a form, with the error of what was sent last and its status.

    ``addresses`` are where cancelling leads, and where the form is sent.
    """
    cancel, action = addresses
    problems = error.problems if isinstance(error, Invalid) else {}
    shown = tuple(
        replace(
            item, errors=tuple(say(text, here.language) for text in problems.get(item.name, ()))
        )
        for item in fields
    )
    said = say(title, here.language)
    general = (say(error.message, here.language),) if error and not problems else ()
    page = FormContext(
        title=said,
        entity="account",
        action=action,
        cancel_url=cancel,
        version="",
        tabs=(FormTab("", (FormSection(said, shown),)),),
        problems=general,
        conflict="",
        conditions_url="",
        submit=say(submit, here.language),
        breadcrumbs=(Crumb(said),),
    )
    return render_template("records/form.html", page=page), *outcome(error)
