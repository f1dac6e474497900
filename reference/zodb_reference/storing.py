"""Making records of what a connection has changed, for a commit as for a savepoint."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from persistent import Persistent

from zodb_reference.blobs import Blob
from zodb_reference.errors import InvalidObjectReference, POSError
from zodb_reference.identity import IdentityMap
from zodb_reference.oids import oid_repr, z64
from zodb_reference.writing import RecordWriter


class Storing(ABC):
    """What stores the changes of one connection once.

    `registered` is the connection's list of changed and added objects, which goes on growing
    meanwhile: `__getstate__` of an object, or another participant of the transaction, may change or
    add more. `written` are the objects whose records were handed to `put`, by oid, and `sizes` the
    lengths of these records.
    """

    #: How often the objects that were changed meanwhile are stored again. A `__getstate__` that
    #: changes an object which is stored before needs one more; one that never comes to rest is
    #: refused. An object that changes itself is only asked again so often: its last answer counts.
    max_rounds = 10

    writer_class = RecordWriter

    def __init__(self, connection: Any, objects: IdentityMap, registered: list[Any]) -> None:
        self.written: dict[bytes, Any] = {}
        self.sizes: dict[bytes, int] = {}
        self.blobs: list[Blob] = []  # those of the objects that are blobs
        self._connection = connection
        self._objects = objects
        self._registered = registered
        self._taken = 0  # how many of `registered` have been dealt with
        self._put_off: list[Any] = []  # what refers weakly to objects that nobody owns yet
        self._writer = self.writer_class(connection)

    @abstractmethod
    def put(self, oid: bytes, serial: bytes, record: bytes, content: Path | None = None) -> None:
        """Store a record, made from the revision `serial` of its object, `z64` for a new one.

        That of a blob comes with a file, `content`, which is given away by that, unless it fails.
        """

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

    def store_put_off(self) -> None:
        """Store what was put off, and the new objects that only weak references lead to."""
        self._writer.adopts_weakly = True
        while self._put_off:
            self._store_reachable(self._put_off.pop())

    def put_blob(
        self, oid: bytes, serial: bytes, record: bytes, give: Callable[[str], Path]
    ) -> None:
        """Store the record of a blob, with the file that `give` makes in the folder it is told."""
        content = give(self._connection.temporary_directory())
        try:
            self.put(oid, serial, record, content)
        except BaseException:
            content.unlink(missing_ok=True)
            raise

    # What this consists of

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
        if isinstance(obj, Blob) and not _has_content(obj):
            return
        oid: bytes = obj._p_oid
        self.written[oid] = obj
        self._connection.new_objects.store(oid)
        try:
            record = self._serialize(obj)
        except Exception as error:
            error.add_note(f"while storing {type(obj).__name__} {oid_repr(oid)}")
            raise
        if self._writer.is_undecided:
            self._put_off.append(obj)
            return
        self._warn_if_large(obj, record)
        if isinstance(obj, Blob):
            self.put_blob(oid, obj._p_serial or z64, record, obj.give_away)
            self.blobs.append(obj)
        else:
            self.put(oid, obj._p_serial or z64, record)
        self.sizes[oid] = len(record)

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
                obj._p_sticky = True  # no ghost
            state = obj.__getstate__()
            if not obj._p_changed or _is_current(state, obj):
                break
        obj._p_changed = False
        if isinstance(obj, Persistent):
            obj._p_sticky = False  # in Python without C the line before does not do that
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


def _has_content(blob: Blob) -> bool:
    """Tell whether there is a content to be stored; a flag alone changes nothing.

    Raises `ValueError` where it may still be written, or belongs to a reader (SAVE-29).
    """
    if blob.opened():
        raise ValueError(f"the blob {oid_repr(blob._p_oid)} is open: close its files first")
    if blob.is_drafted():
        return True
    blob._p_changed = False
    return False


def _is_current(state: Any, obj: Any) -> bool:
    """Tell whether a state is in the usual form, and has what the object has now."""
    now: Any = Persistent.__getstate__(obj) if isinstance(obj, Persistent) else None
    return (
        isinstance(state, dict)
        and isinstance(now, dict)
        and state.keys() == now.keys()
        and all(state[name] is value for name, value in now.items())
    )
