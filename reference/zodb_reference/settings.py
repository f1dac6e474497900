"""What a database expects of its connections, and lets programs change: sizes and times."""

from zodb_reference.connections import Connection
from zodb_reference.pool import ConnectionPool
from zodb_reference.views import Kind


class Settings:
    """The base of `DB` that tells and changes what holds for its connections.

    A change reaches the connections that there are, open and closed. Those that are too many or too
    old then are discarded; caches are reduced when it is their time, at the next boundary.
    """

    _pool: ConnectionPool

    def getPoolSize(self) -> int:
        """Return how many connections are expected at most."""
        return self._pool.limits[Kind.CURRENT].pool_size

    def setPoolSize(self, size: int) -> None:
        """Expect at most `size` connections; of the closed ones as many are kept (CONN-5)."""
        self._change(Kind.CURRENT, pool_size=size)

    def getCacheSize(self) -> int:
        """Return to how many objects the cache of a connection is reduced."""
        return self._pool.limits[Kind.CURRENT].cache_size

    def setCacheSize(self, size: int) -> None:
        """Reduce the cache of each connection to `size` objects from now on (CONN-22)."""
        self._change(Kind.CURRENT, cache_size=size)

    def getCacheSizeBytes(self) -> int:
        """Return to how many bytes the cache of a connection is reduced, 0 for no limit."""
        return self._pool.limits[Kind.CURRENT].cache_size_bytes

    def setCacheSizeBytes(self, size: int) -> None:
        """Reduce the cache of each connection to about `size` bytes from now on, 0 for no limit.

        The size of an object is estimated by that of its record.
        """
        self._change(Kind.CURRENT, cache_size_bytes=size)

    def getHistoricalPoolSize(self) -> int:
        """Return how many connections to one moment of the past are expected at most."""
        return self._pool.limits[Kind.HISTORICAL].pool_size

    def setHistoricalPoolSize(self, size: int) -> None:
        """Expect, and keep, at most `size` connections to one moment of the past (CONN-44)."""
        self._change(Kind.HISTORICAL, pool_size=size)

    def getHistoricalCacheSize(self) -> int:
        """Return to how many objects the cache of a historical connection is reduced."""
        return self._pool.limits[Kind.HISTORICAL].cache_size

    def setHistoricalCacheSize(self, size: int) -> None:
        """Reduce the cache of each historical connection to `size` objects from now on."""
        self._change(Kind.HISTORICAL, cache_size=size)

    def getHistoricalCacheSizeBytes(self) -> int:
        """Return to how many bytes the cache of a historical connection is reduced, 0 for all."""
        return self._pool.limits[Kind.HISTORICAL].cache_size_bytes

    def setHistoricalCacheSizeBytes(self, size: int) -> None:
        """Reduce the cache of each historical connection to about `size` bytes, 0 for no limit."""
        self._change(Kind.HISTORICAL, cache_size_bytes=size)

    def getHistoricalTimeout(self) -> float:
        """Return for how many seconds a closed historical connection is kept."""
        return self._pool.limits[Kind.HISTORICAL].timeout

    def setHistoricalTimeout(self, timeout: float) -> None:
        """Keep closed historical connections for `timeout` seconds (CONN-44)."""
        self._change(Kind.HISTORICAL, timeout=timeout)

    def _change(self, kind: Kind, **limits: float) -> None:
        """Change what holds for the connections of one kind; `limits` are fields of `Limits`."""
        self._pool.change(kind, **limits)
        self._discard(self._pool.surplus())

    def _discard(self, connections: list[Connection]) -> None:
        """Give up connections that are closed, with their groups."""
        for each in connections:
            each.group.dissolve()
