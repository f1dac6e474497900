"""Databases that use the freedoms which the specification leaves in pools and caches."""

from __future__ import annotations

from zodb_reference import DB


class LargestCacheFirst(DB):
    """Of the connections that were closed it opens the one with the most objects in its cache."""

    def take_connection(self, *view, lone=False):
        for shelf in self._pool._shelves.values():
            shelf.closed.sort(key=lambda idle: idle.connection.objects.cache.cache_non_ghost_count)
        return super().take_connection(*view, lone=lone)


POOLING = (LargestCacheFirst,)

GIVEN_UP = {
    "NeverPools": {
        "cache.invalidated-while-closed",
        "database.minimizes-all-caches",
        "historical.points-apart",
        "historical.pool-size",
        "historical.pooled-by-point",
        "historical.timeout",
        "pool.kept-until-its-timeout",
        "pool.last-in-first-out",
        "pool.size-can-change",
        "pool.surplus-is-discarded",
        "pool.used-again",
    },
    "LastComesFirst": {
        "historical.pool-size",
        "pool.size-can-change",
        "pool.surplus-is-discarded",
    },
    "KeepsWhatIsLoadedEverywhere": {
        "cache.bytes-can-change",
        "cache.gc-keeps-to-the-size",
        "cache.gc-reaches-the-group",
        "cache.minimize",
        "cache.minimize-reaches-the-group",
        "cache.objects-may-refuse",
        "cache.reset-keeps-the-size",
        "cache.size-can-change",
        "cache.size-in-bytes",
        "database.minimizes-all-caches",
        "historical.cache-size",
        "historical.cache-size-in-bytes",
    },
    "ServesNothingClosed": {"cache.kept-over-closing"},
}
"""The clauses on pools and caches that some free databases break, by their names: no other clause
may rely on what these promise, and to find that out somebody has to do without.
"""
