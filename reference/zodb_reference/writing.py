"""Making records from objects, and finding the new objects that they refer to.

The forms of references that are written (SER-6): (oid, class); oid alone where the class has
`__getnewargs__`, whose arguments only the object's own record has, or where the object is a
persistent class; ["w", (oid,)] for a weak reference.
"""

import io
import pickle
from collections.abc import Callable
from typing import Any

from persistent import Persistent
from persistent.wref import WeakRef

from zodb_reference.broken import Broken
from zodb_reference.errors import InvalidObjectReference
from zodb_reference.oids import oid_repr
from zodb_reference.persistentclass import is_persistent_class
from zodb_reference.records import PROTOCOL

# What may need a reference in place of its state; everything else is pickled by value (SER-14).
_CANDIDATES = (Persistent, type, WeakRef)


class _MeetsPlaceholder(Exception):
    """A value in the state is of a class that cannot be imported."""


# It is not public, but it has been there, with the two methods used here, in every Python 3.
_PythonPickler: Any = pickle._Pickler


class _PlaceholderPickler(_PythonPickler):
    """Writes placeholder classes under the name of the class that they stand for.

    The pickler in C insists on importing what it writes the name of.
    """

    def __init__(self, file: io.BytesIO, persistent_id: Callable[[Any], Any]) -> None:
        super().__init__(file, PROTOCOL)
        self.persistent_id = persistent_id

    def save_global(self, obj: Any, name: str | None = None) -> None:
        if isinstance(obj, type) and issubclass(obj, Broken):
            self.write(pickle.GLOBAL + f"{obj.__module__}\n{obj.__qualname__}\n".encode())
            self.memoize(obj)
        else:
            super().save_global(obj, name)


class RecordWriter(pickle.Pickler):
    """The pickler for the records of one commit of one connection.

    The unsaved objects that it meets are adopted by the connection, and collected in `found`.
    """

    def __init__(self, connection: Any) -> None:
        self.found: list[Any] = []
        self._connection = connection
        self._file = io.BytesIO()
        super().__init__(self._file, PROTOCOL)

    def description(self, obj: Any) -> Any:
        """Return what the record says about the class of `obj` (SER-2).

        An instance of a persistent class tells the class by name, not by reference, so that a copy
        of the object is one of the same class.
        """
        klass: Any = type(obj)
        newargs = getattr(obj, "__getnewargs__", None)
        if is_persistent_class(klass) and klass.__module__:
            return (klass.__module__, klass.__name__), newargs and newargs()
        return klass if newargs is None else (klass, newargs())

    def record(self, description: Any, state: Any) -> bytes:
        """Return the record with this description and this state."""
        self.clear_memo()
        try:
            return self._write(self, description, state)
        except _MeetsPlaceholder:
            pickler = _PlaceholderPickler(self._file, self._reference)
            return self._write(pickler, description, state)

    def _write(self, pickler: Any, description: Any, state: Any) -> bytes:
        self._file.seek(0)
        self._file.truncate()
        pickler.dump(description)
        pickler.dump(state)
        return self._file.getvalue()

    def persistent_id(self, value: Any) -> Any:
        """Return the reference to write in place of `value`; None for what is pickled by value."""
        if not isinstance(value, _CANDIDATES):
            return None
        if isinstance(value, type) and issubclass(value, Broken):
            raise _MeetsPlaceholder
        return self._reference(value)

    def _reference(self, value: Any) -> Any:
        if isinstance(value, WeakRef):
            return self._weak_reference(value)
        if not (isinstance(value, Persistent) or is_persistent_class(value)):
            return None
        oid = self._own_oid(value)
        klass = type(value)
        return oid if hasattr(klass, "__getnewargs__") else (oid, klass)

    def _weak_reference(self, reference: WeakRef) -> Any:
        """Return the form of a weak reference; its target is stored if it is new (LIFE-42)."""
        known = vars(reference)
        if "_v_ob" in known:
            # The oid that the reference remembers may have been taken back by an abort.
            reference.oid = self._own_oid(reference._v_ob)
            reference.dm = self._connection
            reference.database_name = self._connection.db().database_name
        elif "dm" not in known:
            return ["w", (reference.oid, reference.database_name)]
        elif reference.dm is not self._connection:
            raise self._foreign(f"the target {oid_repr(reference.oid)}", reference.dm)
        return ["w", (reference.oid,)]

    def _own_oid(self, obj: Any) -> bytes:
        """Return the oid of an object that this connection owns, or comes to own by this."""
        oid, jar = obj._p_oid, obj._p_jar
        if oid is None and (jar is None or jar is self._connection):
            oid = self._connection.adopt(obj)
            self.found.append(obj)
        elif jar is not self._connection:
            raise self._foreign(f"{type(obj).__name__} {oid_repr(oid)}", jar)
        assert isinstance(oid, bytes)
        return oid

    def _foreign(self, what: str, jar: Any) -> InvalidObjectReference:
        return InvalidObjectReference(
            f"{what} belongs to {jar!r}, not to {self._connection!r}, which stores a reference to"
            " it; load the object through the connection that stores the reference"
        )
