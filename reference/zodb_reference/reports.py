"""What a database tells of its connections and their caches, and does to all of these at once.

The reports are for people who look for what takes the memory. They load nothing and change nothing
(CONN-59); of a connection that another thread is using they show some moment.
"""

import logging
import sys
import time
from collections import Counter
from typing import Any

from zodb_reference.connections import Connection
from zodb_reference.identity import IdentityMap
from zodb_reference.pool import ConnectionPool

logger = logging.getLogger(__name__)


class Reports:
    """The base of `DB` that looks at all of its connections, open and closed."""

    _pool: ConnectionPool
    _activity_monitor: Any = None

    def getActivityMonitor(self) -> Any:
        """Return what is told of closed connections, None for nothing."""
        return self._activity_monitor

    def setActivityMonitor(self, monitor: Any) -> None:
        """Have `monitor.closedConnection(connection)` called when a connection is being closed.

        Such as `zodb_reference.activity.ActivityMonitor`. The connection is still open then.
        """
        self._activity_monitor = monitor

    def note_closing(self, connection: Connection) -> None:
        """Tell the monitor; where it fails, this is logged, and the connection is closed."""
        if self._activity_monitor is not None:
            try:
                self._activity_monitor.closedConnection(connection)
            except Exception:
                logger.exception("the activity monitor %r failed", self._activity_monitor)

    def connectionDebugInfo(self) -> list[dict[str, Any]]:
        """Return a dictionary for each connection.

        `opened` is when it was opened, in UTC, and for how many seconds it is open by now; None
        where it is closed. `info` is what was given to its setDebugInfo, with the number of objects
        in its cache. `before` is the tid before which it shows everything, None for the present.
        """
        now = time.time()
        return [self._debug_info(connection, now) for connection in self._pool.everyone()]

    def cacheDetail(self) -> list[tuple[str, int]]:
        """Return how many objects of each class are in the caches, by the names of the classes."""
        counts: Counter[str] = Counter()
        for connection in self._pool.everyone():
            counts.update(_class_name(obj) for _, obj in connection.objects.cached())
        return sorted(counts.items())

    def cacheExtremeDetail(self) -> list[dict[str, Any]]:
        """Return a dictionary for each object in the caches.

        `conn_no` counts the connections; `oid` and `klass` are those of the object; `id` is its
        attribute `id`, or else `__name__`, or "". `rc` is how many references there are to the
        object besides those of its cache. `state` is its `_p_changed`: None for a ghost.
        """
        detail = []
        for number, connection in enumerate(self._pool.everyone(), start=1):
            cached = connection.objects.cached()
            while cached:
                oid, obj = cached.pop()
                # Those to be left out: `obj`, the argument, and the cache unless it is a ghost.
                references = sys.getrefcount(obj) - 2 - (obj._p_changed is not None)
                known = getattr(obj, "__dict__", {})
                detail.append(
                    {
                        "conn_no": number,
                        "oid": oid,
                        "id": known.get("id", known.get("__name__", "")),
                        "klass": _class_name(obj),
                        "rc": references,
                        "state": obj._p_changed,
                    }
                )
        return detail

    def cacheSize(self) -> int:
        """Return how many objects that are no ghosts are in the caches."""
        return sum(each.objects.cache.cache_non_ghost_count for each in self._pool.everyone())

    def cacheDetailSize(self) -> list[dict[str, Any]]:
        """Return a dictionary for each connection.

        `connection` shows it, `size` is how many objects are in its cache, `ngsize` how many of
        these are no ghosts.
        """
        sizes = [
            {
                "connection": repr(connection),
                "ngsize": connection.objects.cache.cache_non_ghost_count,
                "size": len(connection.objects.cache),
            }
            for connection in self._pool.everyone()
        ]
        return sorted(sizes, key=lambda each: [*each.values()])

    def cacheLastGCTime(self) -> float:
        """Return when a cache was last reduced, in seconds since the epoch; 0 for never."""
        return max((each.objects.last_reduced for each in self._pool.everyone()), default=0)

    def cacheMinimize(self) -> None:
        """Make ghosts of all objects without changes, in every connection (CONN-59).

        In those that other threads are using this is done at their next boundaries.
        """
        for connection in self._pool.everyone():
            connection.do_with_cache(IdentityMap.minimize)

    def cacheFullSweep(self) -> None:
        """Go through the whole cache of every connection, like `Connection.cacheFullSweep`.

        In those that other threads are using this is done at their next boundaries.
        """
        for connection in self._pool.everyone():
            connection.do_with_cache(IdentityMap.sweep)

    # What these consist of

    def _debug_info(self, connection: Connection, now: float) -> dict[str, Any]:
        opened = connection.opened
        info = connection.getDebugInfo()
        shown = info[0] if len(info) == 1 else info or ""
        return {
            "opened": opened
            and f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(opened))} ({now - opened:.2f}s)",
            "info": f"{shown} ({len(connection.objects.cache)})",
            "before": connection.before,
        }


def _class_name(obj: Any) -> str:
    klass = type(obj)
    return f"{klass.__module__}.{klass.__name__}"
