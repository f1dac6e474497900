"""The connections of a database: those that are open, and those kept to be opened again."""

import logging
import threading
import weakref

from zodb_reference.connection import Connection

logger = logging.getLogger(__name__)


class ConnectionPool:
    """Closed connections with their caches, the last one in being the first one out (CONN-3).

    `size` is how many connections are expected at most: exceeding it is logged, and of the closed
    ones no more are kept (CONN-5). Open connections are held weakly. Those that belong to the
    primary of a group are counted, and kept by their group (XREF-10). The methods may be called
    from any thread.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._lock = threading.Lock()
        self._closed: list[Connection] = []
        self._all: weakref.WeakSet[Connection] = weakref.WeakSet()

    def take(self, *, lone: bool = False) -> Connection | None:
        """Return the connection that was closed last, or None where none is left.

        With `lone` it is the last one without a group, in which others would come along.
        """
        with self._lock:
            for place in reversed(range(len(self._closed))):
                if not lone or self._closed[place].group.is_lone():
                    return self._closed.pop(place)
        return None

    def add(self, connection: Connection) -> None:
        """Learn of a new connection, which is about to be opened."""
        with self._lock:
            self._all.add(connection)
            count = len(self._all)
        if count > self.size:
            level = logging.CRITICAL if count > 2 * self.size else logging.WARNING
            logger.log(level, "%d connections, with a pool_size of %d", count, self.size)

    def give_back(self, connection: Connection) -> list[Connection]:
        """Keep a connection that was closed; return the oldest ones where there are too many."""
        with self._lock:
            self._closed.append(connection)
            surplus = self._closed[: max(0, len(self._closed) - self.size)]
            del self._closed[: len(surplus)]
        return surplus

    def forget(self, connection: Connection) -> bool:
        """Learn that a connection is not opened again; tell whether it was known."""
        with self._lock:
            known = connection in self._all
            self._all.discard(connection)
            self._closed = [kept for kept in self._closed if kept is not connection]
        return known

    def everyone(self) -> list[Connection]:
        """Return all connections, open and closed."""
        with self._lock:
            return list(self._all)
