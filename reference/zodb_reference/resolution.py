"""Conflict resolution: merging three states of one object without loading it.

A storage calls `resolve` where an object that is being stored has changed since it was read. The
class of the object decides: its method `_p_resolveConflict(old, committed, new)` gets the states as
`__getstate__` returned them, with `PersistentReference` values in place of persistent objects, and
returns the merged state. Only the class of the object and those of values in its state have to be
importable (SER-18).
"""

import functools
import io
import logging
import pickle
from types import ModuleType
from typing import Any, ClassVar

from transaction.interfaces import TransientError

from zodb_reference import errors as default_errors
from zodb_reference.broken import import_global
from zodb_reference.oids import oid_repr
from zodb_reference.records import PROTOCOL, as_oid, class_name

logger = logging.getLogger(__name__)


class Unresolvable(Exception):
    """The classes or revisions at hand do not allow to resolve the conflict."""


class MissingClass:
    """Base of the stand-ins for classes that cannot be imported."""

    named: ClassVar[tuple[str, str]]

    def __new__(cls, *args: object) -> "MissingClass":  # noqa: ARG004
        """Refuse: what the class makes of the arguments is unknown."""
        raise Unresolvable(
            f"a value needs the class {'.'.join(cls.named)}, which cannot be imported"
        )


class PersistentReference:
    """What a resolver sees in place of a persistent object.

    `oid` is that of the object, `database_name` the name of its database, None where that is the
    object's own; `weak` tells a weak reference; `klass` is the class, its (module, name), or None
    where the reference does not say.

    Two references are equal where they name the same object. Whether different objects are equal,
    or which is the smaller one, is known to their classes only, and a weak reference equals nothing
    but itself: every other comparison raises `ValueError`, so that a resolver that relies on it
    fails.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, data: Any) -> None:
        klass = database_name = None
        weak = False
        match data:
            case bytes() | str():
                oid = data
            case tuple((oid, klass)):
                data = oid, _writable(klass)
            case ["m", (database_name, oid, klass)]:
                data = ["m", (database_name, oid, _writable(klass))]
            case ["n", (database_name, oid)]:
                pass
            case ["w", (oid, database_name)]:
                weak = True
            case ["w", (oid,)] | [oid]:
                weak = True
            case _:
                raise Unresolvable(f"a reference of an unknown form: {data!r}")
        self.data = data
        self.oid = as_oid(oid)
        self.database_name: str | None = database_name
        self.weak = weak
        self.klass = _writable(klass)

    def _is_same(self, other: object) -> bool:
        """Return True for the same object, which is all that can be told."""
        if self is other or (
            isinstance(other, PersistentReference)
            and not (self.weak or other.weak)
            and (self.oid, self.database_name) == (other.oid, other.database_name)
        ):
            return True
        raise ValueError(
            "persistent references to different objects, or weak ones, cannot be compared"
        )

    def __eq__(self, other: object) -> bool:
        return self._is_same(other)

    def __ne__(self, other: object) -> bool:
        return not self._is_same(other)

    # Containers that merge their items ask for the order first, even where the values are the same
    # object.
    def __lt__(self, other: object) -> bool:
        return not self._is_same(other)

    def __gt__(self, other: object) -> bool:
        return not self._is_same(other)

    def __le__(self, other: object) -> bool:
        return self._is_same(other)

    def __ge__(self, other: object) -> bool:
        return self._is_same(other)

    def __reduce__(self) -> Any:
        raise pickle.PicklingError("a PersistentReference is only for conflict resolution")

    def __repr__(self) -> str:
        return f"<PersistentReference {self.data!r}>"


def _writable(klass: Any) -> Any:
    """Return the class of a reference in a form that can be written again."""
    if isinstance(klass, type) and issubclass(klass, MissingClass):
        return klass.named
    return klass


class _Reader:
    """Reads the records of one conflict.

    Equal forms of reference give the identical value in all of them, so that a weak reference that
    did not change is known to be the same.
    """

    def __init__(self) -> None:
        self._references: dict[Any, PersistentReference] = {}

    def unpickler(self, record: bytes) -> "_StateUnpickler":
        """Return what reads first the description of the class, then the state."""
        return _StateUnpickler(record, self)

    def state(self, record: bytes) -> Any:
        """Return the state that `record` holds."""
        unpickler = self.unpickler(record)
        unpickler.load()
        return unpickler.load()

    def reference(self, data: Any) -> PersistentReference:
        """Return the value that stands for a reference of the form `data`."""
        key = (type(data), *data) if isinstance(data, list | tuple) else data
        found = self._references.get(key)
        if found is None:
            found = self._references[key] = PersistentReference(data)
        return found


class _StateUnpickler(pickle.Unpickler):
    def __init__(self, record: bytes, reader: _Reader) -> None:
        super().__init__(io.BytesIO(record))
        self._reader = reader

    def find_class(self, module: str, name: str) -> Any:
        try:
            return import_global(module, name)
        except (ImportError, AttributeError):
            return _missing_class(module, name)

    def persistent_load(self, data: Any) -> PersistentReference:
        return self._reader.reference(data)


class _StatePickler(pickle.Pickler):
    def persistent_id(self, value: Any) -> Any:
        return value.data if type(value) is PersistentReference else None


@functools.cache
def _missing_class(module: str, name: str) -> type[MissingClass]:
    return type(name, (MissingClass,), {"named": (module, name)})


def _resolver(description: Any) -> Any:
    """Return the bound method that merges, of a new instance without state."""
    klass, newargs = description if isinstance(description, tuple) else (description, None)
    if isinstance(klass, tuple):
        klass = import_global(*klass)
    if not isinstance(klass, type) or issubclass(klass, MissingClass):
        raise Unresolvable("the class cannot be imported")
    instance = klass.__new__(klass, *(newargs or ()))
    resolver = getattr(instance, "_p_resolveConflict", None)
    if resolver is None:
        raise Unresolvable("the class has no method _p_resolveConflict")
    return resolver


def merge(old: bytes, committed: bytes, new: bytes) -> bytes:
    """Return the record with the merged state; raise whatever goes wrong on the way."""
    reader = _Reader()
    unpickler = reader.unpickler(new)
    description = unpickler.load()
    resolver = _resolver(description)
    state = resolver(reader.state(old), reader.state(committed), unpickler.load())
    file = io.BytesIO()
    pickler = _StatePickler(file, PROTOCOL)
    pickler.dump(description)
    pickler.dump(state)
    return file.getvalue()


def resolve(
    oid: bytes,
    committed_serial: bytes,
    old_serial: bytes,
    old: bytes | None,
    committed: bytes | None,
    new: bytes,
    *,
    errors: ModuleType = default_errors,
) -> bytes:
    """Return the record to store in place of `new`.

    Both `committed` and `new` were made from `old`. `old` is the revision that was read, of the
    serial `old_serial`; `committed` the current one, of the serial `committed_serial`; None stands
    for a revision that is not there any more. `errors` is the module whose `ConflictError` is
    raised where the conflict stays, for whatever reason: the cause is logged and never leaves,
    since a program can mend a conflict, by trying again, but not the cause (ISO-24).
    """
    try:
        if old is None or committed is None:
            raise Unresolvable("a revision that is needed is not there any more")
        return merge(old, committed, new)
    except KeyboardInterrupt:
        raise  # it comes from the person who waits, not from the resolution
    except (Unresolvable, TransientError) as refusal:
        logger.debug("conflict on %s in %s stays: %s", class_name(new), oid_repr(oid), refusal)
    except BaseException:
        logger.exception("resolving a conflict on %s in %s failed", class_name(new), oid_repr(oid))
    raise errors.ConflictError(oid=oid, serials=(committed_serial, old_serial), data=new)
