"""What gunicorn does before it starts web processes: loads the code once, so that they share its memory."""

from __future__ import annotations

import gc
import importlib

# The dictionary of pinyin alone is 57 MB; every process that saves a name needs it.
SHARED = ("app.factory", "pypinyin")


def on_starting(server: object) -> None:
    """Import, and keep the collector from touching what is shared; nothing is opened or started."""
    for name in SHARED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
