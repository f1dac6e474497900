"""Clients of a storage: several storages that have the same data, open at the same time.

That is what several users of one server have, each in a process of its own. Here all of them are in
one process, and a call is made at once that would go over the network. What one of them commits is
told to the layers above all others, before anybody can see it (STOR-34, ISO-33).
"""

import logging
import os
import threading
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from transaction.interfaces import TransientError
from zope.interface import directlyProvides, providedBy

from zodb_reference import errors as default_errors
from zodb_reference.oids import oid_repr
from zodb_reference.storages.history import MetaData
from zodb_reference.storages.sqlite import SQLiteStorage

logger = logging.getLogger(__name__)


class ServedStorage(SQLiteStorage):
    """The storage that clients have in common, and that tells them what is committed."""

    def __init__(self, path: str | os.PathLike[str], **options: Any) -> None:
        super().__init__(path, **options)
        self.clients: list[ClientStorage] = []
        self.turn: ClientStorage | None = None

    def tpc_finish(
        self, transaction: object, callback: Callable[[bytes], object] | None = None
    ) -> bytes:
        """See `TwoPhaseStorage`; clients are told before `callback` is called.

        All of them are, but for the one that commits. What the layer above one makes of it is kept
        from the others.
        """

        def announce(tid: bytes) -> None:
            oids = self.tpc_oids(transaction)
            for client in [*self.clients]:
                if client.heard is None and not client.has_begun(transaction):
                    client.hear(tid, oids)
            if callback is not None:
                callback(tid)

        return super().tpc_finish(transaction, announce)

    def lose(self, client: "ClientStorage") -> None:
        """Announce nothing more to a client, and give up what it has begun."""
        with self._lock:
            if client.heard is None:
                if self.turn is client:
                    self.tpc_abort(client.begun)
                client.heard = self._last_tid

    def find_again(self, client: "ClientStorage") -> None:
        """Announce to a client what was committed since it was lost.

        Nobody commits meanwhile, so that nothing is missed, or comes twice.
        """
        with self._lock:
            if client.heard is None:
                return
            missed = self.changes_since(client.heard).oids
            for tid, oids in (missed or {}).items():
                client.hear(tid, oids)
                client.heard = tid
            if missed is None and client.layer is not None:
                client.layer.invalidateCache()
            client.heard = None


class ClientStorage:
    """A client of the storage in the SQLite file at `path`.

    The first one in this process opens the file, as `SQLiteStorage` does and with its errors, and
    the last one that is closed closes it. `errors` is the module whose exceptions are raised, and
    without `resolves` every conflict stays one: both are the same for all clients.

    What is not named here is answered by the storage, which all clients have in common: they see
    the same state at the same time, and take turns to commit. A thread commits through one of them
    at a time.

    To try what becomes of programs then, a client can lose its connection, by `disconnect`. What it
    has begun is given up, and calls that need the storage raise `ClientDisconnected`, which is a
    `StorageError` of the client's errors, and transient. It does not hear of what others commit
    before `reconnect`, and tells its layer of that then.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        resolves: bool = True,
        errors: ModuleType = default_errors,
    ) -> None:
        self.layer: Any = None
        self.begun: object = None
        self.heard: bytes | None = None  # the last transaction before the connection was lost
        self._errors = errors
        self._losses = 0
        self._place = Path(path).resolve()
        with _lock:
            storage = _served.get(self._place)
            if storage is None:
                storage = _served[self._place] = ServedStorage(
                    path, resolves=resolves, errors=errors
                )
            storage.clients.append(self)
        self._storage = storage
        self._is_closed = False
        directlyProvides(self, providedBy(self._storage))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._storage!r}>"

    def __len__(self) -> int:
        """Return the number of objects. Beware: an empty storage is falsy."""
        return len(self._open_storage())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = getattr(self._storage, name)
        if name not in _TOLD_WHEN_CLOSED:
            self._open_storage()
        return found

    def registerDB(self, wrapper: Any) -> None:
        """Take what stands above: it is told what other clients commit; see `TwoPhaseStorage`."""
        self._open_storage().registerDB(wrapper)
        self.layer = wrapper

    def disconnect(self) -> None:
        """Lose the connection to the storage."""
        self._losses += 1
        self._storage.lose(self)

    def reconnect(self) -> None:
        """Find the storage again; the layer above is told what it has missed."""
        self._storage.find_again(self)

    def hear(self, tid: bytes, oids: Iterable[bytes]) -> None:
        """Tell the layer above, if there is one, of a transaction of another client."""
        if self.layer is not None:
            try:
                self.layer.invalidate(tid, oids)
            except Exception:
                logger.exception(
                    "%r could not take note of transaction %s", self.layer, oid_repr(tid)
                )

    def lastTransaction(self) -> bytes:
        """Return the tid of the last transaction that the layer was told of, or z64."""
        heard = self.heard
        return self._open_storage().lastTransaction() if heard is None else heard

    def close(self) -> None:
        """Give up a transaction that has begun here, and leave; a second call does nothing."""
        with _lock:
            if self._is_closed:
                return
            self._is_closed = True
            self._storage.clients.remove(self)
            if self._storage.turn is self:
                self._storage.tpc_abort(self.begun)
            if not self._storage.clients:
                if _served.get(self._place) is self._storage:
                    del _served[self._place]
                self._storage.close()

    def tpc_begin(self, transaction: MetaData, tid: bytes | None = None, status: str = " ") -> None:
        """See `TwoPhaseStorage`; the clients take turns."""
        losses, storage = self._losses, self._open_storage()
        storage.tpc_begin(transaction, tid, status)
        # What has stood for a transaction here may stand for another one elsewhere, later.
        storage.turn, self.begun = self, transaction
        if losses != self._losses:  # while it has waited for its turn
            storage.tpc_abort(transaction)
            raise _disconnected(self._errors)(f"{self!r} has lost its connection")

    def tpc_abort(self, transaction: object) -> None:
        """See `TwoPhaseStorage`; what was begun before the connection was lost is aborted."""
        if self.heard is None:
            self._open_storage().tpc_abort(transaction)

    def has_begun(self, transaction: object) -> bool:
        """Tell whether a transaction is the one that was begun last, and that through this
        client.
        """
        return self._storage.turn is self and self.begun is transaction

    def _open_storage(self) -> ServedStorage:
        if self._is_closed:
            raise self._errors.StorageError(f"{self!r} can't be used: it was closed")
        if self.heard is not None:
            raise _disconnected(self._errors)(f"{self!r} has lost its connection: try again later")
        return self._storage


@cache
def _disconnected(errors: ModuleType) -> type[Exception]:
    """Return the error of these errors that says that there is no connection."""
    return type("ClientDisconnected", (errors.StorageError, TransientError), {})


_TOLD_WHEN_CLOSED = frozenset({"errors", "getName", "isReadOnly", "sortKey", "supportsUndo"})

_lock = threading.RLock()
_served: dict[Path, ServedStorage] = {}

if hasattr(os, "register_at_fork"):
    # The files that were open belong to the parent.
    os.register_at_fork(after_in_child=_served.clear)
