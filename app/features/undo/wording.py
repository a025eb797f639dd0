"""How it is said what can be put back."""

from __future__ import annotations

from app.features.undo.rules import Verdict
from app.kernel.messages import Message, _l

VERDICTS: dict[Verdict, tuple[Message, str]] = {
    Verdict.RESTORE: (_l("Can be put back"), "success"),
    Verdict.ADDED: (_l("Added; delete it by hand if it should go"), "neutral"),
    Verdict.CONFLICT: (_l("Changed by others since; left as it is"), "warning"),
    Verdict.GONE: (_l("Deleted for good by others; left as it is"), "warning"),
}
DEEDS: dict[str, Message] = {
    "created": _l("added"),
    "changed": _l("changed"),
    "removed": _l("deleted"),
}
