"""What a database does with the revisions that its storage keeps: tell, undo and remove them."""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import transaction

from zodb_reference.databasework import Task, work_in
from zodb_reference.errors import own_errors
from zodb_reference.invalidation import News
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.snapshot import Snapshot
from zodb_reference.views import SnapshotFactory


class Revisions:
    """The base of `DB` that gives what its storage has of the past to programs.

    Where the storage cannot do something, `NotImplementedError` says so.
    """

    storage: Any
    references: Callable[..., list[bytes]]
    require_open: Callable[[], None]
    _new_snapshot: SnapshotFactory

    def history(self, oid: bytes, size: int = 1) -> list[dict[str, Any]]:
        """Return dictionaries of the last revisions of an object, at most `size`, newest first.

        Each has `time` (seconds since the epoch), `tid`, `user_name` and `description` (text), and
        `size` (of the record, in bytes), and what else was noted with the transaction. Raises
        `POSKeyError` for an unknown oid, `TypeError` for a size that is no whole number.
        """
        self.require_open()
        if not isinstance(size, int):
            raise TypeError(f"the size of a history is a whole number, not {size!r}")
        with own_errors:
            return in_text(self._able_to("history")(oid, size))

    def supportsUndo(self) -> bool:
        """Tell whether the storage can undo transactions (STOR-58)."""
        supports = getattr(self.storage, "supportsUndo", None)
        return supports is not None and bool(supports())

    def undoLog(
        self,
        first: int = 0,
        last: int = -20,
        filter: Callable[[dict[str, Any]], object] | None = None,  # noqa: A002 - as everywhere
    ) -> Sequence[dict[str, Any]]:
        """Return dictionaries of the transactions that may be undone, newest first (STOR-56).

        Each has `id`, which is what `undo` wants and no tid, `time` (seconds since the epoch), and
        `user_name` and `description` (text). Of those for which `filter` returns something true the
        ones from index `first` up to `last` are given; where `last` is negative, that many. Nothing
        is returned where the storage supports no undo.
        """
        self.require_open()
        if not self.supportsUndo():
            return ()
        if filter is not None:
            filter = partial(_chooses, filter)  # noqa: A001 - as above
        with own_errors:
            return in_text(self.storage.undoLog(first, last, filter))

    def undoInfo(
        self, first: int = 0, last: int = -20, specification: dict[str, Any] | None = None
    ) -> Sequence[dict[str, Any]]:
        """Return what `undoLog` does, of transactions that have the items of `specification`."""
        self.require_open()
        if not self.supportsUndo():
            return ()
        if specification is not None:
            specification = {name: _stored(name, each) for name, each in specification.items()}
        with own_errors:
            return in_text(self.storage.undoInfo(first, last, specification))

    def undo(self, id: bytes, txn: Any = None) -> None:
        """Undo a transaction, when `txn` or else the current one of the thread is committed.

        `id` is from `undoLog` or `undoInfo`. See `undoMultiple`.
        """
        self.undoMultiple([id], txn)

    def undoMultiple(self, ids: bytes | Iterable[bytes], txn: Any = None) -> None:
        """Undo transactions, when `txn` or else the current one of the thread is committed.

        `ids` are from `undoLog` or `undoInfo`; of several, the newest comes first (STOR-54). Each
        object gets the state from before the undone transaction, unless it was changed since, and
        the changes cannot be merged. All connections see that after their next boundary.

        Raises `NotImplementedError` where the storage supports no undo, and `TypeError` for ids
        that are no bytes, and for what is no transaction. The commit raises `UndoError` where
        something is in the way, and `StorageTransactionError` where objects of the same storage
        were changed in the same transaction; nothing has changed then.
        """
        self.require_open()
        if not self.supportsUndo():
            raise NotImplementedError(
                f"{self.storage!r} supports no undo; change the objects back instead"
            )
        wanted = [ids] if isinstance(ids, bytes) else [*ids]
        for each in wanted:
            if not isinstance(each, bytes):
                raise TypeError(f"the id of a transaction is bytes, as undoLog() has it: {each!r}")

        def undo(snapshot: Snapshot, meta: TransactionMetaData) -> News:
            return News({oid for each in wanted for oid in snapshot.undo(each, meta)})

        self._have_done(Task(undo), txn)

    def pack(self, t: float | None = None, days: float = 0) -> None:
        """Remove the revisions that were not current at a time, and what is not reachable.

        That time is `days` days before `t`, which is in seconds since the epoch, or now. Raises
        `NotImplementedError` where the storage cannot pack.
        """
        self.require_open()
        t = time.time() if t is None else t
        with own_errors:
            self._able_to("pack")(t - days * 86400, self.references)

    def _have_done(self, task: Task, txn: Any) -> None:
        """Have `task` done when `txn` or else the current one of the thread is committed."""
        txn = transaction.get() if txn is None else txn
        if not hasattr(txn, "join"):
            raise TypeError(f"{txn!r} is no transaction; give what the manager's get() returns")
        work_in(txn, self, self._new_snapshot).add(txn, task)

    def _able_to(self, method: str) -> Any:
        """Return a method that not every storage has."""
        found = getattr(self.storage, method, None)
        if found is None:
            raise NotImplementedError(f"{self.storage!r} has no method {method}()")
        return found


#: What storages have as bytes, and programs as text.
_TEXTS = ("user_name", "description")


def in_text(entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return copies of what a storage tells of transactions, with user and description as text."""
    return [{name: _shown(name, value) for name, value in entry.items()} for entry in entries]


def _shown(name: str, value: Any) -> Any:
    return value.decode() if name in _TEXTS and isinstance(value, bytes) else value


def _stored(name: str, value: Any) -> Any:
    return value.encode() if name in _TEXTS and isinstance(value, str) else value


def _chooses(choose: Callable[[dict[str, Any]], object], entry: dict[str, Any]) -> object:
    """Tell whether a program wants an entry of the storage's log, which it knows as text."""
    (shown,) = in_text([entry])
    return choose(shown)
