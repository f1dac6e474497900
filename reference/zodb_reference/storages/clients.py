"""Clients of a storage: several storages that have the same data, open at the same time.

That is what several users of one server have, each in a process of its own. Here all of them are in
one process, and a call is made at once that would go over the network. What one of them commits is
told to the layers above all others, before anybody can see it (STOR-34, ISO-33).
"""

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

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
                if client.layer is not None and not client.has_begun(transaction):
                    try:
                        client.layer.invalidate(tid, oids)
                    except Exception:
                        logger.exception(
                            "%r could not take note of transaction %s", client.layer, oid_repr(tid)
                        )
            if callback is not None:
                callback(tid)

        return super().tpc_finish(transaction, announce)


class ClientStorage:
    """A client of the storage in the SQLite file at `path`.

    The first one in this process opens the file, as `SQLiteStorage` does and with its errors, and
    the last one that is closed closes it. `errors` is the module whose exceptions are raised, and
    without `resolves` every conflict stays one: both are the same for all clients.

    What is not named here is answered by the storage, which all clients have in common: they see
    the same state at the same time, and take turns to commit. A thread commits through one of them
    at a time.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        resolves: bool = True,
        errors: ModuleType = default_errors,
    ) -> None:
        self.layer: Any = None
        self._errors = errors
        self._begun: object = None
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

    def close(self) -> None:
        """Give up a transaction that has begun here, and leave; a second call does nothing."""
        with _lock:
            if self._is_closed:
                return
            self._is_closed = True
            self._storage.clients.remove(self)
            if self._storage.turn is self:
                self._storage.tpc_abort(self._begun)
            if not self._storage.clients:
                if _served.get(self._place) is self._storage:
                    del _served[self._place]
                self._storage.close()

    def tpc_begin(self, transaction: MetaData, tid: bytes | None = None, status: str = " ") -> None:
        """See `TwoPhaseStorage`; the clients take turns."""
        storage = self._open_storage()
        storage.tpc_begin(transaction, tid, status)
        # What has stood for a transaction here may stand for another one elsewhere, later.
        storage.turn, self._begun = self, transaction

    def has_begun(self, transaction: object) -> bool:
        """Tell whether a transaction is the one that was begun last, and that through this
        client.
        """
        return self._storage.turn is self and self._begun is transaction

    def _open_storage(self) -> ServedStorage:
        if self._is_closed:
            raise self._errors.StorageError(f"{self!r} can't be used: it was closed")
        return self._storage


_TOLD_WHEN_CLOSED = frozenset({"errors", "getName", "isReadOnly", "sortKey", "supportsUndo"})

_lock = threading.RLock()
_served: dict[Path, ServedStorage] = {}

if hasattr(os, "register_at_fork"):
    # The files that were open belong to the parent.
    os.register_at_fork(after_in_child=_served.clear)
