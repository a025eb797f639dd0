"""Templates of titles, such as “{name} ({code})”."""

from __future__ import annotations

import re


def title_parts(title: str) -> tuple[tuple[str, bool], ...]:
    """A title template as pieces; the flag tells a field's name from a literal text."""
    pieces = re.split(r"\{([^}]*)\}?", title)
    return tuple((piece, bool(at % 2)) for at, piece in enumerate(pieces) if piece or at % 2)
