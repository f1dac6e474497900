"""The way of one connection's changes through the two phases of a commit."""

import warnings
from typing import Any

from persistent import Persistent

from zodb_reference.errors import InvalidObjectReference, POSError, StorageTransactionError
from zodb_reference.identity import IdentityMap
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import oid_repr, z64
from zodb_reference.snapshot import Snapshot
from zodb_reference.writing import RecordWriter


class Commit:
    """One commit of one connection; one object is made for each.

    `registered` is the connection's list of changed and added objects, which goes on growing while
    the commit runs: `__getstate__` of an object, or another participant of the transaction, may
    change or add more.
    """

    #: How often the objects that were changed meanwhile are stored again. A `__getstate__` that
    #: changes an object which is stored before needs one more; one that never comes to rest is
    #: refused. An object that changes itself is only asked again so often: its last answer counts.
    max_rounds = 10

    writer_class = RecordWriter

    def __init__(
        self,
        connection: Any,
        transaction: Any,
        snapshot: Snapshot,
        objects: IdentityMap,
        registered: list[Any],
    ) -> None:
        self.transaction = transaction
        self.written: dict[bytes, Any] = {}
        self.voted = False
        self._connection = connection
        self._snapshot = snapshot
        self._objects = objects
        self._registered = registered
        self._taken = 0  # how many of `registered` have been dealt with
        self._sizes: dict[bytes, int] = {}  # of the records of what is written
        self.stale: set[bytes] = set()  # what must be loaded again when this has finished
        self._writer = self.writer_class(connection)
        self._meta = TransactionMetaData(
            transaction.user, transaction.description, transaction.extension
        )

    # The phases

    def begin(self) -> None:
        """Begin the storage's transaction."""
        self._claim_storage()
        self._snapshot.begin(self._meta)

    def store_changes(self) -> None:
        """Store what was registered, and every new object that it leads to."""
        for _ in range(self.max_rounds):
            for obj in self._take_registered():
                if self._is_due(obj):
                    self._store_reachable(obj)
            if self._taken == len(self._registered):
                return
        names = {type(obj).__name__ for obj in self._take_registered()}
        raise POSError(
            f"these go on changing while they are stored, {self.max_rounds} times so far:"
            f" {', '.join(sorted(names))}; a __getstate__ must come to rest"
        )

    def check_current(self, read: dict[bytes, bytes]) -> None:
        """Make the commit fail where an object is not in the revision that was read (CONN-32).

        What is stored is checked as a write (CONN-36).
        """
        for oid, serial in read.items():
            if oid not in self.written:
                self._snapshot.check_current(oid, serial, self._meta)

    def vote(self) -> None:
        """Store what the other participants have changed meanwhile; let the storage vote."""
        self.store_changes()
        self.stale.update(self._snapshot.vote(self._meta))  # the storage has merged these
        self.voted = True

    def finish(self) -> None:
        """Make it all durable and visible."""
        serial = self._snapshot.finish(self._meta, self.written)
        self._objects.settle(self.written, self._sizes, serial)
        self._objects.invalidate(self.stale)

    def abort(self) -> None:
        """Make the storage forget it; this may be called in any phase (TXN-4)."""
        self._snapshot.abort(self._meta)

    # What they consist of

    def _claim_storage(self) -> None:
        """Refuse to begin where another connection has begun on the same storage (CONN-51).

        The storage would wait for that one to end, which will not happen before this one ends.
        """
        storage = self._connection.db().storage
        try:
            other = self.transaction.data(storage)
        except KeyError:
            self.transaction.set_data(storage, self._connection)
            return
        raise StorageTransactionError(
            f"{self._connection!r} and {other!r} use the same storage and have both changed objects"
            " in one transaction; change objects through one connection only, or give each"
            " connection a transaction manager of its own"
        )

    def _take_registered(self) -> list[Any]:
        """Return the objects that were registered since the last time."""
        start, self._taken = self._taken, len(self._registered)
        return self._registered[start:]

    def _is_due(self, obj: Any) -> bool:
        """Tell whether a registered object has to be stored, or stored again.

        One whose flag the program has reset is not (LIFE-27), unless it is new.
        """
        if obj._p_jar is not self._connection:
            raise InvalidObjectReference(
                f"{type(obj).__name__} was changed as an object of {self._connection!r} and"
                f" belongs to {obj._p_jar!r} now; do not assign _p_jar or _p_oid"
            )
        oid = obj._p_oid
        return bool(obj._p_changed) or (oid in self._objects.new and oid not in self.written)

    def _store_reachable(self, obj: Any) -> None:
        """Store an object, and the new objects that are reached from it, depth first."""
        self._store(obj)
        while self._writer.found:
            self._store(self._writer.found.pop())

    def _store(self, obj: Any) -> None:
        oid: bytes = obj._p_oid
        self.written[oid] = obj
        try:
            record = self._serialize(obj)
        except Exception as error:
            error.add_note(f"while storing {type(obj).__name__} {oid_repr(oid)}")
            raise
        self._warn_if_large(obj, record)
        self._snapshot.store(oid, obj._p_serial or z64, record, self._meta)
        self._sizes[oid] = len(record)

    def _serialize(self, obj: Any) -> bytes:
        description = self._writer.description(obj)
        return self._writer.record(description, self._state(obj))

    def _state(self, obj: Any) -> Any:
        """Return the state of an object, with what has changed while it was asked for.

        Without the flag a change is registered again, also one that comes later.
        """
        for _ in range(self.max_rounds):
            obj._p_changed = False
            if isinstance(obj, Persistent):
                obj._p_sticky = True  # no ghost, until the flag is set or reset again
            state = obj.__getstate__()
            if not obj._p_changed or _is_current(state, obj):
                break
        obj._p_changed = False
        return state

    def _warn_if_large(self, obj: Any, record: bytes) -> None:
        limit = self._connection.db().large_record_size
        if len(record) >= limit:
            warnings.warn(
                f"the record of {type(obj).__name__} {oid_repr(obj._p_oid)} has {len(record)}"
                f" bytes, and large_record_size is {limit}; consider to divide its state among"
                " several persistent objects",
                UserWarning,
                stacklevel=2,
            )


def _is_current(state: Any, obj: Any) -> bool:
    """Tell whether a state is in the usual form, and has what the object has now."""
    now: Any = Persistent.__getstate__(obj) if isinstance(obj, Persistent) else None
    return (
        isinstance(state, dict)
        and isinstance(now, dict)
        and state.keys() == now.keys()
        and all(state[name] is value for name, value in now.items())
    )
