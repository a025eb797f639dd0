"""Where a request may come from: pages of this portal alone may change anything."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from flask import Request

from app.kernel.errors import Forbidden
from app.kernel.messages import _l
from app.settings import Settings
from app.web.sessions import served_by_https

SAFE = ("GET", "HEAD", "OPTIONS")
OWN_SITES = ("same-origin", "none")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
HOST = re.compile(r"\[([0-9a-f:.]+)\](?::\d+)?|([^:/@\[\]]+)(?::\d+)?", re.IGNORECASE)


def refuse_foreign(request: Request, settings: Settings) -> None:
    """Raise Forbidden when another site sent a request that changes something.

    A browser says so in ``Sec-Fetch-Site``, an older one in ``Origin``. It hides the origin of our own
    pages too (“null”, for we ask for no referrer); then the token of the page decides alone.
    """
    if request.method in SAFE:
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin", "null")
    foreign = origin != "null" and not _is_own(origin, request, settings)
    if foreign or (site is not None and site not in OWN_SITES):
        raise Forbidden(_l("This was sent by a page of another site, so nothing was done."))


def is_known_host(said: str, settings: Settings) -> bool:
    """Whether the portal goes by this name: one that is set, else those of this machine, and its public name.

    A name that begins with a dot stands for all that end with it. Werkzeug's own list knows no IPv6.
    """
    read = HOST.fullmatch(said)
    name = (read[1] or read[2]).lower() if read else ""
    public = urlsplit(settings.public_url).hostname if settings.public_url else None
    known = {*(settings.trusted_hosts or (*LOOPBACK, settings.host)), *([public] if public else [])}
    return any(name == one or (one[0] == "." and name.endswith(one)) for one in known if one)


# Private


def _is_own(origin: str, request: Request, settings: Settings) -> bool:
    said, public = urlsplit(origin), urlsplit(settings.public_url)
    if served_by_https(settings) and said.scheme != "https":
        return False
    return said.netloc != "" and said.netloc in (request.host, public.netloc)
