"""The rules for passwords that the settings choose."""

from __future__ import annotations

from dataclasses import replace

from app.kernel.password_policy import POLICIES, Policy
from app.settings import Settings


def policy_of(settings: Settings) -> Policy:
    """The rules that hold: those that are set, else those of the default language's country."""
    name = settings.password_policy or ("mlps2" if settings.language == "zh" else "asvs")
    return replace(POLICIES[name], breached=settings.breached_passwords)
