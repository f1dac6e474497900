"""The connections of a database: those that are open, and those kept to be opened again."""

import logging
import threading
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from zodb_reference.connections import Connection
from zodb_reference.views import CURRENT, Kind, View

logger = logging.getLogger(__name__)

#: For how many seconds a closed connection is kept where nothing is said: longer than a life.
FOR_EVER = 1 << 31


@dataclass
class Limits:
    """What holds for the connections of one kind.

    `pool_size` connections to one view are expected at most, and as many are kept when they are
    closed, for `timeout` seconds. The cache of each is reduced to `cache_size` objects and to
    `cache_size_bytes` bytes, 0 for no limit. `TypeError` is raised for what are no such numbers.
    """

    pool_size: int
    timeout: float
    cache_size: int
    cache_size_bytes: int

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not isinstance(value, int) and not (name == "timeout" and isinstance(value, float)):
                kind = "a number of seconds" if name == "timeout" else "a whole number"
                raise TypeError(f"{name} has to be {kind}, not {value!r}")


class _Idle(NamedTuple):
    connection: Connection
    since: float


@dataclass
class _Shelf:
    """The connections to one view: all of them, and the closed ones, the last one at the end."""

    members: weakref.WeakSet[Connection] = field(default_factory=weakref.WeakSet)
    closed: list[_Idle] = field(default_factory=list)


class ConnectionPool:
    """Closed connections with their caches, the last one in being the first one out (CONN-3).

    They are kept by what they show: each view has a shelf of its own (CONN-44). `limits` tells for
    each kind of views how many connections to one of them are expected at most: exceeding it is
    logged, and of the closed ones no more are kept (CONN-5), nor any for longer than the timeout
    (CONN-6). The limits may be changed; what then is too much is given by `surplus`.

    Open connections are held weakly. Those that belong to the primary of a group are counted, and
    kept by their group (XREF-10). The methods may be called from any thread. What they return as
    discarded is not opened again, and has to be released.
    """

    def __init__(self, limits: Mapping[Kind, Limits]) -> None:
        self.limits = dict(limits)
        self._lock = threading.Lock()
        self._shelves: dict[View, _Shelf] = {}
        self._dropped: weakref.WeakSet[Connection] = weakref.WeakSet()

    def take(self, view: View = CURRENT, *, lone: bool = False) -> Connection | None:
        """Return the connection to `view` that was closed last, or None where none is left.

        With `lone` it is the last one without a group, in which others would come along.
        """
        with self._lock:
            closed = self._shelf(view).closed
            for place in reversed(range(len(closed))):
                if not lone or closed[place].connection.group.is_lone():
                    return closed.pop(place).connection
        return None

    def add(self, connection: Connection) -> None:
        """Learn of a new connection, which is about to be opened, and limit its cache."""
        with self._lock:
            limits = self.limits[connection.view.kind]
            members = self._shelf(connection.view).members
            members.add(connection)
            count, size = len(members), limits.pool_size
        connection.objects.resize(limits.cache_size, limits.cache_size_bytes)
        if count > size:
            level = logging.CRITICAL if count > 2 * size else logging.WARNING
            logger.log(level, "%d connections, with a pool_size of %d", count, size)

    def give_back(self, connection: Connection) -> list[Connection]:
        """Keep a connection that was closed; return the oldest ones where there are too many."""
        with self._lock:
            shelf = self._shelf(connection.view)
            if connection not in shelf.members:
                return [connection]
            shelf.closed.append(_Idle(connection, time.monotonic()))
        return self.surplus()

    def surplus(self) -> list[Connection]:
        """Discard what is too much or too old, the oldest first; return it."""
        now = time.monotonic()
        discarded: list[Connection] = []
        with self._lock:
            for view, shelf in [*self._shelves.items()]:
                limits = self.limits[view.kind]
                excess = max(0, len(shelf.closed) - limits.pool_size)
                # The one that was closed first has waited longest.
                while (
                    excess < len(shelf.closed) and shelf.closed[excess].since < now - limits.timeout
                ):
                    excess += 1
                discarded += [idle.connection for idle in shelf.closed[:excess]]
                del shelf.closed[:excess]
                if not shelf.members:
                    del self._shelves[view]
        return discarded

    def change(self, kind: Kind, **limits: float) -> None:
        """Change the limits of a kind, as of the connections that there are."""
        with self._lock:
            self.limits[kind] = changed = replace(self.limits[kind], **limits)  # type: ignore[arg-type]
        for each in self.everyone(kind):
            each.objects.resize(changed.cache_size, changed.cache_size_bytes)

    def forget(self, connection: Connection) -> bool:
        """Learn that a connection is not opened again; tell whether it was known."""
        with self._lock:
            shelf = self._shelf(connection.view)
            known = connection in shelf.members or connection in self._dropped
            self._dropped.discard(connection)
            shelf.members.discard(connection)
            shelf.closed = [idle for idle in shelf.closed if idle.connection is not connection]
        return known

    def drop(self, view: View) -> list[Connection]:
        """Keep no connection to `view`; return those that are closed, as discarded.

        The open ones are discarded when they are given back.
        """
        with self._lock:
            shelf = self._shelves.pop(view, _Shelf())
            self._dropped.update(shelf.members)
        return [idle.connection for idle in shelf.closed]

    def drop_unused(self, view: View) -> list[Connection]:
        """Keep no connection to `view` if all of them are closed; return these, as discarded."""
        with self._lock:
            shelf = self._shelves.get(view)
            if shelf is None or len(shelf.closed) < len(shelf.members):
                return []
            del self._shelves[view]
            self._dropped.update(shelf.members)
        return [idle.connection for idle in shelf.closed]

    def everyone(self, kind: Kind | None = None) -> list[Connection]:
        """Return all connections of a kind, or of all kinds, open and closed."""
        with self._lock:
            known = [*self._dropped]
            for shelf in self._shelves.values():
                known += shelf.members
        return [each for each in known if kind is None or each.view.kind is kind]

    def _shelf(self, view: View) -> _Shelf:
        return self._shelves.setdefault(view, _Shelf())
