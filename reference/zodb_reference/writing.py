"""Making records from objects, and finding the new objects that they refer to.

The forms of references that are written (SER-6, XREF-42):

    (oid, class)                      an object of this database
    oid                               the same, where the class has `__getnewargs__`, whose
                                      arguments only the object's own record has, or where the
                                      object is a persistent class
    ["w", (oid,)]                     a weak reference
    ["m", (database name, oid, class)]
    ["n", (database name, oid)]       the same three for an object of another database
    ["w", (oid, database name)]
"""

import io
import pickle
from collections.abc import Callable
from typing import Any

from persistent import Persistent
from persistent.wref import WeakRef

from zodb_reference.blobs import ALIAS, Blob
from zodb_reference.broken import Broken
from zodb_reference.editions import Newness, Reach
from zodb_reference.errors import InvalidObjectReference
from zodb_reference.oids import oid_repr
from zodb_reference.persistentclass import is_persistent_class
from zodb_reference.records import PROTOCOL

# What may need a reference in place of its state; everything else is pickled by value (SER-14).
_CANDIDATES = (Persistent, type, WeakRef)

# What the program can do where a new object is reachable from two databases.
_HOW_TO_DECIDE = {
    Newness.WHOLE_TRANSACTION: "abort, and call add() of the connection where it belongs before"
    " anything is stored, or commit before the second reference is made",
    Newness.UNTIL_SAVEPOINT: "abort, and make a savepoint, or commit, before the second reference"
    " is made",
}


class MeetsAlias(Exception):
    """A value in the state is of a class that records have under another name."""


# It is not public, but it has been there, with the two methods used here, in every Python 3.
_PythonPickler: Any = pickle._Pickler


class _AliasPickler(_PythonPickler):
    """Writes placeholder classes, and that of blobs, under the name that records have for them.

    The pickler in C insists on importing what it writes the name of.
    """

    def __init__(self, file: io.BytesIO, persistent_id: Callable[[Any], Any]) -> None:
        super().__init__(file, PROTOCOL)
        self.persistent_id = persistent_id

    def save_global(self, obj: Any, name: str | None = None) -> None:
        if has_alias(obj):
            module, name = ALIAS if obj is Blob else (obj.__module__, obj.__qualname__)
            self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
            self.memoize(obj)
        else:
            super().save_global(obj, name)


def has_alias(value: Any) -> bool:
    """Tell whether a value is a class that records have under another name."""
    return value is Blob or (isinstance(value, type) and issubclass(value, Broken))


class RecordWriter(pickle.Pickler):
    """The pickler for the records of one commit of one connection.

    The unsaved objects that it meets are adopted by the connection, and collected in `found`.
    Without `adopts_weakly` it leaves those that only a weak reference leads to, and `is_undecided`
    tells that the last record has such a reference and is not fit to be stored.
    """

    def __init__(self, connection: Any) -> None:
        self.found: list[Any] = []
        self.adopts_weakly = True
        self.is_undecided = False
        self._connection = connection
        self._file = io.BytesIO()
        super().__init__(self._file, PROTOCOL)

    def description(self, obj: Any) -> Any:
        """Return what the record says about the class of `obj` (SER-2).

        An instance of a persistent class tells the class by name, not by reference, so that a copy
        of the object is one of the same class.
        """
        klass: Any = type(obj)
        if (klass.__module__, klass.__name__) == ALIAS:
            raise TypeError(
                f"{klass!r} is a class of blobs of which only its own package can store the"
                f" contents: make a {Blob!r}"
            )
        newargs = getattr(obj, "__getnewargs__", None)
        if is_persistent_class(klass) and klass.__module__:
            return (klass.__module__, klass.__name__), newargs and newargs()
        return klass if newargs is None else (klass, newargs())

    def record(self, description: Any, state: Any) -> bytes:
        """Return the record with this description and this state."""
        self.is_undecided = False
        self.clear_memo()
        try:
            return self._write(self, description, state)
        except MeetsAlias:
            pickler = _AliasPickler(self._file, self._reference)
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
        if has_alias(value):
            raise MeetsAlias
        return self._reference(value)

    def _reference(self, value: Any) -> Any:
        if isinstance(value, WeakRef):
            return self._weak_reference(value)
        if not (isinstance(value, Persistent) or is_persistent_class(value)):
            return None
        klass = type(value)
        if self._belongs_elsewhere(value):
            name = self._name_across(value)
            if hasattr(klass, "__getnewargs__"):
                return ["n", (name, value._p_oid)]
            return ["m", (name, value._p_oid, klass)]
        oid = self._own_oid(value)
        return oid if hasattr(klass, "__getnewargs__") else (oid, klass)

    def _weak_reference(self, reference: WeakRef) -> Any:
        """Return the form of a weak reference; its target is stored if it is new (LIFE-42)."""
        known = vars(reference)
        if "_v_ob" in known:
            # The oid that the reference remembers may have been taken back by an abort.
            target = reference._v_ob
            if target._p_jar is None and not self.adopts_weakly:
                self.is_undecided = True
                return ["w", ()]
            elsewhere = self._belongs_elsewhere(target)
            oid = target._p_oid if elsewhere else self._own_oid(target)
            if oid != reference.oid:  # else the record stays as ZODB writes it, byte for byte
                reference.oid = oid
            reference.dm = target._p_jar
            reference.database_name = _name_of(reference.dm)
        elif "dm" not in known:
            return ["w", (reference.oid, reference.database_name)]
        if (
            reference.dm is self._connection
            or not self._connection.db().rules.weak_references_name_databases
        ):
            return ["w", (reference.oid,)]
        self._require_same_group(known.get("_v_ob", reference), reference.oid, reference.dm)
        return ["w", (reference.oid, _name_of(reference.dm))]

    def _own_oid(self, obj: Any) -> bytes:
        """Return the oid of an object that this connection owns, or comes to own by this."""
        oid, jar = obj._p_oid, obj._p_jar
        if oid is None and (jar is None or jar is self._connection):
            oid = self._connection.adopt(obj)
            self.found.append(obj)
        elif jar is not self._connection:
            raise self._refusal(
                obj,
                f"{_what(obj, oid)} belongs to {jar!r}; do not assign _p_jar or _p_oid",
            )
        assert isinstance(oid, bytes)
        return oid

    def _belongs_elsewhere(self, obj: Any) -> bool:
        """Tell whether an object has its identity in another connection."""
        jar = obj._p_jar
        return not (jar is None or jar is self._connection or obj._p_oid is None)

    def _name_across(self, obj: Any) -> str:
        """Return the name of the database of an object of another connection.

        Raises `InvalidObjectReference` where this connection may not refer to it (XREF-12 to 26).
        """
        connection, jar, oid = self._connection, obj._p_jar, obj._p_oid
        own_name: str = _name_of(connection)
        name: str = _name_of(jar)
        if not connection.db().xrefs:
            raise self._refusal(
                obj,
                f"{_what(obj, oid)} belongs to {jar!r}, and the database {own_name!r} was opened"
                " with xrefs=False: its objects refer to none of other connections, save weakly",
            )
        self._require_same_group(obj, oid, jar)
        if jar.new_objects.is_implicit(oid):
            raise self._refusal(
                obj,
                f"{_what(obj, oid)} is new and reachable from the databases {name!r} and"
                f" {own_name!r}, and it would be a guess in which it belongs;"
                f" {_HOW_TO_DECIDE[self._connection.db().rules.newness]}",
            )
        return name

    def _require_same_group(self, obj: Any, oid: bytes, jar: Any) -> None:
        """Refuse an object whose connection is none of those that may be referred to."""
        connection, name = self._connection, _name_of(jar)
        if name is None or connection.db().databases.get(name) is not jar.db():
            raise self._refusal(
                obj,
                f"{_what(obj, oid)} belongs to {jar!r}, and to no database of the collection of"
                f" {connection!r}, which stores a reference to it; give both databases the same"
                " `databases`, and keep them open",
            )
        if (
            self._connection.db().rules.reach is Reach.GROUP
            and connection.connections.get(name) is not jar
        ):
            raise self._refusal(
                obj,
                f"{_what(obj, oid)} belongs to {jar!r}, a separate connection, and {connection!r}"
                f" stores a reference to it; load the object through"
                f" get_connection({name!r}) of the connection that stores the reference",
            )

    def _refusal(self, obj: Any, message: str) -> InvalidObjectReference:
        if self._connection.db().rules.refusals_name_culprits:
            return InvalidObjectReference(message, self._connection, obj)
        return InvalidObjectReference(message)


def _what(obj: Any, oid: object) -> str:
    return f"{type(obj).__name__} {oid_repr(oid)}"


def _name_of(jar: Any) -> Any:
    """Return the name of the database of a connection; None for what is no connection."""
    try:
        return jar.db().database_name
    except AttributeError:
        return None
