"""What gunicorn does before it starts web processes: gathers the front-end files, and loads the code once.

Processes that are forked afterwards share its memory.
"""

from __future__ import annotations

import gc
import importlib
import os

from app.hosting.assets import CURRENT, gather
from app.kernel.collection import collection_paused
from app.settings import read_settings

# The dictionary of pinyin alone is 57 MB; every process that saves a name needs it.
SHARED = ("app.factory", "pypinyin")


# No words of an address and no Referer: whoever keeps an access log keeps no names and numbers of people in it.
access_log_format = '%(h)s %(t)s "%(m)s %(U)s %(H)s" %(s)s %(B)s %(D)s'


def on_starting(server: object) -> None:
    """Gather and import, and keep the collector from touching what is shared; nothing is opened or started."""
    settings = read_settings()
    if settings.assets.name == CURRENT:  # Else whoever started gunicorn has chosen a version.
        os.environ["PORTAL_ASSETS"] = str(gather(settings).assets)
    with collection_paused():
        for name in SHARED:
            importlib.import_module(name)
    gc.collect()
    gc.freeze()
