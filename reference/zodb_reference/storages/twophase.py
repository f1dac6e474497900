"""The storage protocol: two-phase commit, conflicts, snapshots, over any `History`.

A storage is idle, or has begun one transaction, or has voted for it (STOR-1):

    idle --tpc_begin--> begun --tpc_vote--> voted --tpc_finish--> idle
                          |                    |
                          +----- tpc_abort ----+--> idle

What the transaction stores is held in memory until the vote, which hands it to the history; from
then on it can't fail. One lock guards all of it, and a thread that has to wait for its turn to
begin waits on a condition of that lock. Whoever has begun owns the current revisions until the
end: since nobody else can publish, a conflict is known in `store` already (ISO-9), and what
`checkCurrentSerialInTransaction` found to be current stays current.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain
from types import ModuleType
from typing import Any

from zodb_reference import errors as default_errors
from zodb_reference.oids import maxtid, new_tid, oid_repr, p64, tid_repr, u64, z64
from zodb_reference.resolution import resolve
from zodb_reference.storages.announcing import announce
from zodb_reference.storages.history import History, MetaData, Record, Transaction
from zodb_reference.storages.reading import ReadableStorage


@dataclass
class Commit:
    """The transaction that the storage has begun. `prepared` is set once it has voted."""

    meta: object
    thread: int
    tid: bytes
    status: str
    user: bytes
    description: bytes
    extension_bytes: bytes
    records: dict[bytes, tuple[Record, ...]] = field(default_factory=dict)
    resolved: set[bytes] = field(default_factory=set)
    prepared: Transaction | None = None

    def put(self, record: Record) -> None:
        """Add a record in place of those of its object; one of a version leaves the trunk's."""
        others = self.records.get(record.oid, ()) if record.version else ()
        self.records[record.oid] = (*(one for one in others if not one.version), record)

    def transaction(self) -> Transaction:
        """Return what the history is to keep."""
        records = chain.from_iterable(self.records.values())
        return Transaction(
            self.tid,
            self.status,
            self.user,
            self.description,
            self.extension_bytes,
            tuple(sorted(records, key=lambda record: bool(record.version))),
        )


class TwoPhaseStorage(ReadableStorage):
    """A storage that can stand under ZODB's DB and the reference's; see `ReadableStorage`."""

    def __init__(
        self,
        history: History,
        name: str,
        sort_key: str,
        *,
        read_only: bool = False,
        versions: bool = False,
        resolves: bool = True,
        errors: ModuleType = default_errors,
    ) -> None:
        super().__init__(
            history, name, sort_key, read_only=read_only, versions=versions, errors=errors
        )
        announce(self, errors, "IMultiCommitStorage")
        self._turn = threading.Condition(self._lock)
        self._commit: Commit | None = None
        self._last_oid = history.last_oid()
        self._failed_because = ""
        self._resolves = resolves
        self._transform: Callable[[bytes], bytes] = bytes
        self._untransform: Callable[[bytes], bytes] = bytes

    def registerDB(self, wrapper: Any) -> None:
        """Take from the layer above what turns records into pickles and back (STOR-33).

        Resolution of conflicts needs the pickles; everything else leaves records as they are.
        """
        self._transform = wrapper.transform_record_data
        self._untransform = wrapper.untransform_record_data

    def close(self) -> None:
        """Give up a running transaction, and release what is held; a second call does nothing."""
        with self._lock:
            if not self._closed_because:
                self._closed_because = "it was closed"
                self._end_commit()
                self._history.close()

    def new_oid(self) -> bytes:
        """Return an oid that was never used, nor handed out since opening (STOR-18, LIFE-15)."""
        with self._lock:
            self._require_writable()
            self._last_oid = p64(u64(self._last_oid) + 1)
            return self._last_oid

    def tpc_transaction(self) -> object:
        """Return the transaction that has begun, or None."""
        commit = self._commit
        return commit.meta if commit else None

    def tpc_begin(self, transaction: MetaData, tid: bytes | None = None, status: str = " ") -> None:
        """Begin to commit `transaction`, as soon as no other is being committed (STOR-5).

        `tid` and `status` are given where a transaction is copied: the tid has to be later than
        all before it (STOR-16), else `ValueError`. Raises `StorageTransactionError` where this
        transaction has begun already, or where this thread has begun another, since it would then
        wait for itself (CONN-51).
        """
        user = require_bytes("user", transaction.user)
        description = require_bytes("description", transaction.description)
        extension = require_bytes("extension_bytes", transaction.extension_bytes)
        with self._lock:
            self._require_writable()
            self._require_no_self_wait(transaction, "tpc_begin")
            self._await_turn()
            self._commit = Commit(
                meta=transaction,
                thread=threading.get_ident(),
                tid=self._choose_tid(tid),
                status=status,
                user=user,
                description=description,
                extension_bytes=extension,
            )

    def tpc_date(self, transaction: object, at_least: bytes = z64) -> bytes:
        """Return the tid of a transaction that has begun; make it `at_least` first, if it is less.

        By this a transaction can have one tid in several storages: the greatest, once all of them
        have begun. Raises `StorageTransactionError` where a record has got the earlier tid already,
        and `ValueError` for what is no tid.
        """
        with self._lock:
            commit = self._require_begun(transaction, "tpc_date")
            if at_least > commit.tid:
                if commit.records:
                    raise self._errors.StorageTransactionError(
                        "tpc_date: choose the tid of a transaction before anything is stored"
                    )
                commit.tid = self._choose_tid(at_least)
            return commit.tid

    def tpc_oids(self, transaction: object) -> list[bytes]:
        """Return the oids of which a transaction has records by now.

        Raises `StorageTransactionError` where it has not begun.
        """
        with self._lock:
            return list(self._require_current(transaction, "tpc_oids").records)

    def store(
        self, oid: bytes, serial: bytes | None, data: bytes, version: str, transaction: object
    ) -> None:
        """Add a record to the transaction; of two for one object the last one counts (STOR-20).

        `serial` is the tid of the revision that was read, z64 or None for a new object. Where that
        is not the current one any more the conflict is resolved, or else raises `ConflictError`.

        Where there are versions, the record belongs to `version`, and holds the object from then on
        (VER-8). Raises `VersionLockError`, whatever the serial, if the object is held already, by
        another one (VER-9), and `VersionError` if nothing can have that name.
        """
        with self._lock:
            commit = self._require_begun(transaction, "store")
            self._check_version(version)
            require_eight_bytes("oid", oid)
            require_bytes("data", data)
            self._require_not_held(commit, oid, version)
            serial = serial or z64
            committed_serial = self._current_serial(oid)
            if serial == committed_serial:
                self._keep(commit, oid, data, version)
                commit.resolved.discard(oid)
                return
            old = self._data_at(oid, serial, version)
            committed = self._data_at(oid, committed_serial, version)
        # The program's code runs without the lock: it may take long, or read from the storage in
        # another thread.
        merged = self._resolve(oid, committed_serial, serial, old, committed, data)
        with self._lock:
            commit = self._require_begun(transaction, "store")
            self._keep(commit, oid, merged, version)
            commit.resolved.add(oid)

    def checkCurrentSerialInTransaction(
        self, oid: bytes, serial: bytes, transaction: object, version: str = ""
    ) -> None:
        """Make sure that `serial` is, and stays, current until the transaction ends (STOR-38).

        `ReadConflictError` if it is not, `POSKeyError` if the object is unknown. What was read is
        what `version` shows: where another version holds the object, the serial may be that of the
        trunk as well.
        """
        with self._lock:
            self._require_begun(transaction, "checkCurrentSerialInTransaction")
            newest = self._existing(oid)
            if newest.version not in ("", version):
                trunk = self._history.find(oid, trunk=True)
                if trunk is not None and trunk.data is not None and trunk.tid == serial:
                    return
        if serial != newest.tid:
            raise self._errors.ReadConflictError(oid=oid, serials=(newest.tid, serial))

    def tpc_vote(self, transaction: object) -> list[bytes]:
        """Make sure that the transaction can be finished; return the oids that were resolved.

        Raises `StorageError` where it can't be: nothing has changed then, and the caller aborts.
        """
        with self._lock:
            commit = self._require_current(transaction, "tpc_vote")
            if commit.prepared is None:
                prepared = commit.transaction()
                self._history.prepare(prepared)
                commit.prepared = prepared
            return list(commit.resolved)

    def tpc_finish(
        self, transaction: object, callback: Callable[[bytes], object] | None = None
    ) -> bytes:
        """Make the transaction permanent, then visible; return its tid.

        `callback` is called with the tid before anybody else can see it (STOR-9). It must not
        raise; if it does the transaction is committed all the same. Where an interrupt
        (`KeyboardInterrupt`, say) arrives, this may be called again, and raises
        `StorageTransactionError` then if the transaction is committed already. Raises
        `StorageError` if the history fails in spite of the vote: what has become of the transaction
        is known when the storage is opened again, until then it takes no further changes.
        """
        with self._lock:
            commit = self._require_current(transaction, "tpc_finish")
            if commit.prepared is None:
                raise self._errors.StorageTransactionError(
                    "tpc_finish: call tpc_vote first, this transaction has not voted"
                )
            try:
                self._publish(commit.prepared, callback)
            except BaseException as error:
                # An interrupt that comes before anything else leaves the transaction voted: whether
                # it is to be finished or aborted is not for the storage to decide.
                if isinstance(error, Exception) or self._last_tid == commit.tid:
                    self._end_commit()
                raise
            self._end_commit()
        return commit.tid

    def tpc_abort(self, transaction: object) -> None:
        """Forget the transaction; nothing happens if it is not the current one (STOR-3)."""
        with self._lock:
            if self._commit is not None and self._commit.meta is transaction:
                self._end_commit()

    # The steps of a commit, each with the lock held except where it says so

    def _await_turn(self) -> None:
        while self._commit is not None:
            self._turn.wait()
            self._require_writable()

    def _choose_tid(self, tid: bytes | None) -> bytes:
        if tid is None:
            return new_tid(self._last_tid)
        require_eight_bytes("tid", tid)
        if not self._last_tid < tid < maxtid:
            raise ValueError(
                f"a tid has to be later than {tid_repr(self._last_tid)}, the last one, and earlier "
                f"than {oid_repr(maxtid)}: {tid_repr(tid)} is not"
            )
        return tid

    def _current_serial(self, oid: bytes) -> bytes:
        newest = self._open_history().newest(oid)
        return newest.tid if newest else z64

    def _keep(self, commit: Commit, oid: bytes, data: bytes, version: str) -> None:
        commit.put(Record(oid, commit.tid, data, version=version))
        self._last_oid = max(self._last_oid, oid)

    def _resolve(
        self,
        oid: bytes,
        committed_serial: bytes,
        serial: bytes,
        old: bytes | None,
        committed: bytes | None,
        new: bytes,
    ) -> bytes:
        """Return the merged record, or raise `ConflictError`; called without the lock."""
        if not self._resolves:
            raise self._errors.ConflictError(oid=oid, serials=(committed_serial, serial), data=new)
        merged = resolve(
            oid,
            committed_serial,
            serial,
            None if old is None else self._untransform(old),
            None if committed is None else self._untransform(committed),
            self._untransform(new),
            errors=self._errors,
        )
        return self._transform(merged)

    def _publish(self, prepared: Transaction, callback: Callable[[bytes], object] | None) -> None:
        """Keep a transaction and announce it, which an interrupt must not divide."""
        try:
            self._keep_and_show(prepared, callback)
        except Exception:
            raise
        except BaseException:
            # Each step may be done again. A second interrupt is not expected so soon.
            self._keep_and_show(prepared, callback)
            raise

    def _keep_and_show(
        self, prepared: Transaction, callback: Callable[[bytes], object] | None
    ) -> None:
        self._failed_because = (
            f"the end of transaction {oid_repr(prepared.tid)} failed, and whether it was kept "
            "is not known: open the storage again to see, and to go on"
        )
        self._history.publish(prepared)
        self._failed_because = ""
        try:
            if callback is not None:
                callback(prepared.tid)
        finally:
            self._last_tid = prepared.tid

    def _end_commit(self) -> None:
        self._commit = None
        # All of them: the one that is woken may be refused and leave, without waking the next.
        self._turn.notify_all()

    # Refusals

    def _require_writable(self) -> None:
        self._open_history()
        if self._read_only:
            raise self._errors.ReadOnlyError(f"{self._name} was opened read-only")
        if self._failed_because:
            raise self._errors.StorageError(
                f"{self._name} takes no changes: {self._failed_because}"
            )

    def _require_no_self_wait(self, transaction: object, method: str) -> None:
        commit = self._commit
        if commit is None:
            return
        if commit.meta is transaction:
            raise self._errors.StorageTransactionError(
                f"{method}: this transaction has begun already"
            )
        if commit.thread == threading.get_ident():
            raise self._errors.StorageTransactionError(
                f"{method}: this thread is committing another transaction to {self._name} and "
                "would wait for itself: finish or abort that one first; if both belong to one "
                "transaction of the program, make all changes to a database in one connection"
            )

    def _require_current(self, transaction: object, method: str) -> Commit:
        self._open_history()
        commit = self._commit
        if commit is None or commit.meta is not transaction:
            raise self._errors.StorageTransactionError(
                f"{method}: this transaction is not the one that has begun, if any has"
            )
        return commit

    def _require_not_held(self, commit: Commit, oid: bytes, version: str) -> None:
        if self._versions:
            records = commit.records.get(oid)
            newest = records[-1] if records else self._history.newest(oid)
            if newest is not None and newest.version not in ("", version):
                raise self._errors.VersionLockError(oid, newest.version)

    def _require_begun(self, transaction: object, method: str) -> Commit:
        if self._read_only:
            self._require_writable()
        commit = self._require_current(transaction, method)
        if commit.prepared is not None:
            raise self._errors.StorageTransactionError(
                f"{method}: this transaction has voted, nothing can be added to it"
            )
        return commit


def require_bytes(name: str, value: bytes) -> bytes:
    """Return `value`; `TypeError` if it is not bytes."""
    if not isinstance(value, bytes):
        raise TypeError(f"{name} has to be bytes, not {type(value).__name__}")
    return value


def require_eight_bytes(name: str, value: bytes) -> None:
    """Raise `TypeError` or `ValueError` unless `value` has the form of an oid or tid (SER-20)."""
    if len(require_bytes(name, value)) != 8:
        raise ValueError(f"{name} has to be eight bytes long: {value!r}")
