"""The memory of answers that may be some seconds old."""

import pytest

from server.auth import ttl_cache
from server.auth.ttl_cache import TtlCache


def test_a_value_is_forgotten_after_its_time(monkeypatch: pytest.MonkeyPatch):
    """Or a dismissed member would stay in."""
    moment = 100.0
    monkeypatch.setattr(ttl_cache.time, "monotonic", lambda: moment)
    cache: TtlCache[str, int] = TtlCache(ttl_s=30, size_max=10)
    cache.put("a", 1)

    moment = 129.9
    assert cache.get("a") == 1
    moment = 130.0
    assert cache.get("a") is None


def test_a_full_cache_lets_the_oldest_go():
    """However many tokens there are, its memory is bounded."""
    cache: TtlCache[int, int] = TtlCache(ttl_s=30, size_max=3)

    for key in (1, 2, 3, 1, 4):
        cache.put(key, key)

    assert [cache.get(key) for key in (1, 2, 3, 4)] == [1, None, 3, 4]
