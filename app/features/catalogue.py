"""The features of the product with pages, in the order in which they start."""

from __future__ import annotations

from app.features.accounts.pages import register as accounts
from app.web.portal import Register

FEATURES: tuple[Register, ...] = (accounts,)
