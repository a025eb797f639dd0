"""Limits on signing in, shared by all processes through Redis, and by each process for itself without it."""

from __future__ import annotations

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import FixedWindowRateLimiter
from redis.exceptions import RedisError

ACCOUNT_LIMIT = RateLimitItemPerMinute(10)
ADDRESS_LIMIT = RateLimitItemPerMinute(60)


class SignInLimit:
    """Counts attempts by account with address, and by address."""

    def __init__(self, redis_url: str | None) -> None:
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._shared = (
            FixedWindowRateLimiter(storage_from_string(limits_url(redis_url)))
            if redis_url
            else self._own
        )

    def exceeded(self, address: str, username: str) -> bool:
        """Count one attempt; true when there were too many."""
        try:
            return self._hit(self._shared, address, username)
        except RedisError:
            return self._hit(self._own, address, username)

    @staticmethod
    def _hit(limiter: FixedWindowRateLimiter, address: str, username: str) -> bool:
        account = limiter.hit(ACCOUNT_LIMIT, "sign-in", address, username.lower())
        whole = limiter.hit(ADDRESS_LIMIT, "sign-in", address)
        return not (account and whole)


def limits_url(redis_url: str) -> str:
    """A Redis address as the limits library writes it."""
    return (
        redis_url.replace("unix://", "redis+unix://", 1)
        if redis_url.startswith("unix://")
        else redis_url
    )
