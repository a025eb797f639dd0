"""What gunicorn does before it starts web processes: loads the code once, so that they share its memory."""

from __future__ import annotations

import gc
import importlib

from app.kernel.collection import collection_paused

# The dictionary of pinyin alone is 57 MB; every process that saves a name needs it.
SHARED = ("app.factory", "pypinyin")


# No words of an address and no Referer: whoever keeps an access log keeps no names and numbers of people in it.
access_log_format = '%(h)s %(t)s "%(m)s %(U)s %(H)s" %(s)s %(B)s %(D)s'


def on_starting(server: object) -> None:
    """Import, and keep the collector from touching what is shared; nothing is opened or started."""
    with collection_paused():
        for name in SHARED:
            importlib.import_module(name)
    gc.collect()
    gc.freeze()
