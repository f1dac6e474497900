"""Data records, and what can be said of them without importing a single class.

A record is two pickles in a row: the description of the object's class, then its state (SER-1).
Both are written with one pickler, so that the second may refer to what the first has memorized.
References to other persistent objects are persistent ids of the pickles; their forms are listed in
`zodb_reference.reading` and `zodb_reference.writing`.

`own_references` and `class_name` serve garbage collection and messages: they work where the classes
of the application are not installed (SER-17), because every class is replaced by one that does
nothing.
"""

import io
import pickle
from typing import Any, ClassVar

#: The pickle protocol that is written; 0 to 3 are read (SER-12).
PROTOCOL = 3


def as_oid(oid: bytes | str) -> bytes:
    """Return the oid of a reference as bytes; Python 2 wrote ASCII ones as text (SER-7)."""
    return oid if isinstance(oid, bytes) else oid.encode("ascii")


class _Inert:
    """Stands for every class and function of a pickle, and takes whatever is done to it."""

    named: ClassVar[tuple[str, str]] = ("", "")

    def __new__(cls, *args: object) -> "_Inert":  # noqa: ARG004
        return object.__new__(cls)

    def __init__(self, *args: object) -> None:
        pass

    def __call__(self, *args: object) -> "_Inert":
        return self  # what a pickle makes may be called by it, such as a partial function

    def __setstate__(self, state: object) -> None:
        pass

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def append(self, value: object) -> None:
        pass

    def extend(self, values: object) -> None:
        pass


class _InertUnpickler(pickle.Unpickler):
    """Reads a record without importing anything; keeps the references in the order met."""

    def __init__(self, record: bytes) -> None:
        super().__init__(io.BytesIO(record))
        self.references: list[Any] = []

    def find_class(self, module: str, name: str) -> type[_Inert]:
        return type(name, (_Inert,), {"named": (module, name)})

    def persistent_load(self, reference: Any) -> None:
        self.references.append(reference)


def own_references(record: bytes, oids: list[bytes] | None = None) -> list[bytes]:
    """Return the oids of the strong references to objects of the same database in `record`.

    They are appended to `oids` where that is given. Weak references and references to other
    databases are left out (XREF-47): neither keeps an object of this database alive.
    """
    if oids is None:
        oids = []
    unpickler = _InertUnpickler(record)
    unpickler.load()
    unpickler.load()
    for reference in unpickler.references:
        if isinstance(reference, tuple):
            oids.append(as_oid(reference[0]))
        elif isinstance(reference, bytes | str):
            oids.append(as_oid(reference))
    return oids


def inert(data: bytes) -> Any:
    """Return the value of a pickle; where it has instances of classes, these are inert."""
    return _InertUnpickler(data).load()


def is_blob(record: bytes) -> bool:
    """Tell whether this is the record of a blob, which has a content besides."""
    # Most records need not be read for this.
    return b"ZODB.blob" in record and class_name(record) == "ZODB.blob.Blob"


def class_name(record: bytes) -> str:
    """Return the dotted name of the class that `record` describes, "" where that is not told."""
    try:
        description = _InertUnpickler(record).load()
    except Exception:  # noqa: BLE001 - any bytes may be asked about, and this serves messages
        return ""
    klass = description[0] if isinstance(description, tuple) and description else description
    if isinstance(klass, type) and issubclass(klass, _Inert):
        klass = klass.named
    match klass:
        case (str(module), str(name)):
            return f"{module}.{name}"
    return ""
