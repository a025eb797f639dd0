"""Consents on the page about a person: everybody reads what he agrees to, and agrees or withdraws alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from flask import flash, redirect, request
from flask_appbuilder import BaseView, expose

from app.features.privacy import consents as service
from app.features.privacy.contexts import ConsentCard
from app.features.privacy.erasure import is_oneself
from app.kernel.errors import NotFound, PortalError, StaleRevision
from app.kernel.messages import Message, _l
from app.language.definitions import Entity
from app.records.consenting import Standing, label_of
from app.storage.database import unit_of_work
from app.web.locale import say
from app.web.portal import Portal
from app.web.state import Scope, scope
from app.web.views import signed_in

ADDRESS = "/privacy"
LONGEST_EDITION = 200


class ConsentView(BaseView):
    """The two buttons."""

    route_base = ADDRESS

    @expose("/<name>/<int:pk>/consent/<topic>", methods=["POST"])
    @signed_in
    def give(self, name: str, pk: int, topic: str) -> Any:
        """Agree to what was read."""
        here = _own(name, pk)
        edition = request.form.get("edition", "")[:LONGEST_EDITION]
        return _done(here, name, pk, lambda: service.give(here.records, pk, topic, edition))

    @expose("/<name>/<int:pk>/consent/<topic>/withdraw", methods=["POST"])
    @signed_in
    def withdraw(self, name: str, pk: int, topic: str) -> Any:
        """Take it back."""
        here = _own(name, pk)
        return _done(here, name, pk, lambda: service.withdraw(here.records, pk, topic))


def register(portal: Portal) -> None:
    """Add the buttons' addresses; the cards stand on the page about a person."""
    portal.add_pages(ConsentView)


def cards(here: Scope, entity: Entity, record_id: int) -> tuple[ConsentCard, ...]:
    """The topics: all for the person himself, for others those of which they may see a consent."""
    consents = here.schema.portal.consents
    if consents is None or entity.name != here.schema.portal.person_entity:
        return ()
    own = is_oneself(here.records, entity, record_id)
    found = service.standings(here.records, record_id, whole=own)
    return tuple(_cards(here, found, f"{ADDRESS}/{entity.name}/{record_id}/consent/", own=own))


# Private


def _own(name: str, pk: int) -> Scope:
    """What is at hand, for the person himself; anybody else finds nothing here."""
    here = scope()
    entity = here.schema.entities.get(name)
    if entity is None or not is_oneself(here.records, entity, pk):
        raise NotFound
    return here


def _done(here: Scope, name: str, pk: int, do: Callable[[], None]) -> Any:
    try:
        with unit_of_work(here.session):
            do()
    except (NotFound, StaleRevision):
        raise
    except PortalError as refused:
        flash(say(refused.message, here.language), "danger")
    else:
        flash(say(_l("Done."), here.language), "success")
    return redirect(f"{ADDRESS}/{name}/{pk}")


def _cards(
    here: Scope, found: dict[str, Standing], url: str, *, own: bool
) -> Iterator[ConsentCard]:
    consents, language = here.schema.portal.consents, here.language
    for topic in consents.topics.values() if consents is not None else ():
        if not own and topic.name not in found:
            continue
        standing = found.get(topic.name, Standing())
        badge, tone, text = _told(here, standing)
        agreed = standing.consent is not None
        yield ConsentCard(
            name=topic.name,
            label=label_of(here.schema, topic.name).text(language),
            notice=topic.notice.text(language),
            edition=topic.edition,
            standing=say(text, language),
            badge=say(badge, language),
            tone=tone,
            give_url=f"{url}{topic.name}" if own and not agreed else "",
            withdraw_url=f"{url}{topic.name}/withdraw"
            if own and (agreed or standing.other)
            else "",
        )


def _told(here: Scope, standing: Standing) -> tuple[Message, str, Message]:
    """The badge with its tone, and the sentence."""

    def day(at: datetime) -> str:
        return at.astimezone(here.state.runtime.zone).date().isoformat()

    if standing.consent is not None:
        text = _l("Agreed on %(day)s.", day=day(standing.consent.given))
        return _l("Agreed"), "success", text
    if standing.other is not None:
        one = standing.other
        text = _l("Agreed on %(day)s to edition %(edition)s. The notice has changed; please read it and decide anew.",
                  day=day(one.given), edition=one.edition)  # fmt: skip
        return _l("To be agreed anew"), "warning", text
    if standing.withdrawn is not None:
        text = _l("Withdrawn on %(day)s. What was recorded is erased within a day, unless a legal hold stands.",
                  day=day(standing.withdrawn))  # fmt: skip
        return _l("Withdrawn"), "neutral", text
    return (
        _l("Not agreed"),
        "neutral",
        _l("Nothing of this is recorded as long as you do not agree."),
    )
