"""How the portal speaks to other hosts: TLS 1.2 or newer, with certificates that are checked."""

from __future__ import annotations

import ssl


def secure_context() -> ssl.SSLContext:
    """For every connection that the portal opens; no setting of the machine makes it weaker."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
