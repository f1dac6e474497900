"""Making objects from records: ghosts from the class part, states from the other.

The forms of references that are read (SER-6, XREF-42):

    (oid, class)                      an object of this database
    oid                               the same, where the class is told by the object's own record
    ["w", (oid,)]                     a weak reference; also [oid], which is older
    ["w", (oid, database name)]       a weak reference to an object of another database
    ["m", (database name, oid, class)]
    ["n", (database name, oid)]       an object of another database
"""

import contextlib
import io
import pickle
from typing import Any

from persistent.wref import WeakRef
from transaction.interfaces import TransientError

from zodb_reference.blobs import ALIAS, Blob
from zodb_reference.broken import Broken, PersistentBroken, persistent_broken_class
from zodb_reference.errors import POSError, StateLoadError
from zodb_reference.identity import IdentityMap
from zodb_reference.oids import oid_repr
from zodb_reference.records import as_oid, class_name


class _RecordUnpickler(pickle.Unpickler):
    def __init__(self, reader: "RecordReader", record: bytes) -> None:
        super().__init__(io.BytesIO(record))
        self._reader = reader

    def find_class(self, module: str, name: str) -> Any:
        return self._reader.find_class(module, name)

    def persistent_load(self, reference: Any) -> Any:
        return self._reader.resolve(reference)


class RecordReader:
    """Reads the records of one connection."""

    def __init__(self, connection: Any, objects: IdentityMap) -> None:
        self._connection = connection
        self._objects = objects

    def ghost(self, record: bytes) -> Any:
        """Return a new object without state or identity, made from the class part (LIFE-32)."""
        try:
            return self._make(_RecordUnpickler(self, record).load())
        except (POSError, TransientError):
            raise
        except Exception as error:
            if not self._wraps_errors():
                raise
            raise StateLoadError(
                f"no {class_name(record) or 'object'} can be made from its record: {error!r}"
            ) from error

    def state(self, record: bytes) -> Any:
        """Return the state that `record` holds."""
        unpickler = _RecordUnpickler(self, record)
        unpickler.load()
        return unpickler.load()

    def set_state(self, obj: Any, record: bytes) -> None:
        """Give an object the state that `record` holds.

        Errors of the database pass, so that a conflict can be retried; any other becomes
        `StateLoadError`, in the editions that wrap it (LIFE-37).
        """
        try:
            obj.__setstate__(self.state(record))
        except (POSError, TransientError):
            raise
        except Exception as error:
            if not self._wraps_errors():
                raise
            raise StateLoadError(
                f"the state of {class_name(record)} {oid_repr(obj._p_oid)} cannot be loaded:"
                f" {error!r}"
            ) from error

    def _wraps_errors(self) -> bool:
        wraps: bool = self._connection.db().rules.load_errors_are_wrapped
        return wraps

    def find_class(self, module: str, name: str) -> Any:
        """Return a class, or whatever else a record names, by the database's class factory.

        That of blobs is always the one whose contents are loaded here.
        """
        if (module, name) == ALIAS:
            return Blob
        return self._connection.db().classFactory(self._connection, module, name)

    def resolve(self, reference: Any) -> Any:
        """Return the object, or the weak reference, that a reference of a record stands for."""
        if isinstance(reference, tuple):
            oid, klass = reference
            return self.obtain(as_oid(oid), klass)
        if isinstance(reference, bytes | str):
            return self.obtain(as_oid(reference))
        match reference:
            case ["w", (oid,)] | [oid]:
                return self._weak_reference(as_oid(oid))
            case ["w", (oid, database_name)]:
                return self._weak_reference(as_oid(oid), database_name)
            case ["m", (database_name, oid, klass)]:
                other = self._connection.get_connection(database_name)
                return other.reader.obtain(as_oid(oid), self._class(klass))
            case ["n", (database_name, oid)]:
                return self._connection.get_connection(database_name).get(as_oid(oid))
        raise KeyError(f"a reference of an unknown kind: {reference!r}")

    def obtain(self, oid: bytes, klass: Any = None) -> Any:
        """Return the object `oid`: the one that is there, or a new ghost of the class."""
        found = self._objects.find(oid)
        if found is not None:
            return found
        if klass is None:
            return self._connection.get(oid)
        klass = self._class(klass)
        try:
            ghost = klass.__new__(klass)
        except TypeError:
            # The class has come to want arguments: they are in the object's own record (SER-10).
            return self._connection.get(oid)
        self._objects.add_ghost(oid, ghost)
        return ghost

    def _make(self, description: Any) -> Any:
        """Return a new instance of what a record describes in one of the forms of SER-2.

        The forms are the class, or a pair of the class and the arguments of its `__new__`, or None
        in place of these; in a pair, (module, name) may stand for the class.
        """
        if isinstance(description, tuple):
            klass, newargs = description
        else:
            klass, newargs = description, None
        klass = self._class(klass)
        return klass.__new__(klass, *(newargs or ()))

    def _class(self, klass: Any) -> Any:
        """Return the class for an object, where `klass` may be a name, or a placeholder."""
        if isinstance(klass, tuple):
            klass = self.find_class(*klass)
        if issubclass(klass, Broken) and not issubclass(klass, PersistentBroken):
            klass = persistent_broken_class(klass)
        return klass

    def _weak_reference(self, oid: bytes, database_name: str | None = None) -> WeakRef:
        """Return a weak reference that looks for its target when it is called."""
        reference = WeakRef.__new__(WeakRef)
        reference.oid = oid
        if database_name is None:
            reference.dm = self._connection
        else:
            reference.database_name = database_name
            # Where there is no such database the target counts as gone, which wants no manager.
            with contextlib.suppress(KeyError):
                reference.dm = self._connection.get_connection(database_name)
        owner = vars(reference).get("dm")
        if owner is not None and oid in owner.new_objects:
            reference()  # remembers the target, whose oid may be taken back
        return reference
