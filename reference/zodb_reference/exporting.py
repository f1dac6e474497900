"""Files of exported objects, and how they become records of another database.

A file begins with `ZEXP`. Then come the records, each with its oid and its length before it, and at
last sixteen bytes of 0xff (XEXP-1). Behind the record of a blob comes its content, with a mark and
its length before it.

The oids of a file mean nothing where it is imported: every object gets one there, and the
references of its record are written anew. A reference to an object of another database is refused.
It has the name of that database, which may be the name of another one where the file is imported.
"""

import io
import pickle
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from zodb_reference.blobfiles import new_file
from zodb_reference.errors import ExportError, POSError
from zodb_reference.oids import oid_repr, p64, u64
from zodb_reference.records import as_oid, is_blob, own_references
from zodb_reference.writing import MeetsAlias, RecordWriter, has_alias

_MAGIC = b"ZEXP"
_END = b"\xff" * 16
_CONTENT = b"\0BLOBSTART"
# The target of a weak reference that is not in the file. An oid of its own would not do: what is
# given and never stored may be given again when the database has been closed and opened.
_NOWHERE = b"\x7f" + b"\xff" * 7
_PIECE = 1 << 20  # bytes that are read at once: what a damaged length asks for need not be there


def exported(
    oid: bytes,
    load: Callable[[bytes], tuple[bytes, bytes]],
    open_content: Callable[[bytes, bytes], IO[bytes]],
) -> Iterator[bytes]:
    """Yield the parts of a file: the object `oid`, and what strong references of its own database
    lead to from there, breadth first, each once.

    `load` gives record and serial of an object, and `open_content` the content of a blob by oid and
    serial. What they raise for an object that is not there passes: an export without that object
    could not be imported.
    """
    yield _MAGIC
    found, met = deque([oid]), {oid}
    while found:
        current = found.popleft()
        record, serial = load(current)
        yield current + p64(len(record)) + record
        if is_blob(record):
            with open_content(current, serial) as content:
                yield _CONTENT + p64(content.seek(0, io.SEEK_END))
                content.seek(0)
                while part := content.read(_PIECE):
                    yield part
        for reached in own_references(record):
            if reached not in met:
                met.add(reached)
                found.append(reached)
    yield _END


def require_export(file: IO[bytes]) -> None:
    """Read the first bytes of a file; raise `ExportError` where no export begins so."""
    begin = _read_up_to(file, len(_MAGIC))
    if begin != _MAGIC:
        raise ExportError(
            f"an exported file begins with {_MAGIC!r}, and this one with {begin!r}; it is another"
            " file, or its position is not at the beginning"
        )


def records_of(
    file: IO[bytes], folder: Callable[[], str]
) -> Iterator[tuple[bytes, bytes, Path | None]]:
    """Yield oid and record of each object in a file that was read as far as its first bytes.

    For a blob, the third is a file with its content, which is made in `folder` and belongs to the
    caller; else it is None. Raises `ExportError` where the file ends too early.
    """
    while (head := _read(file, 16)) != _END:
        record = _read(file, u64(head[8:]))
        yield head[:8], record, _content(file, folder()) if is_blob(record) else None


def _content(file: IO[bytes], folder: str) -> Path:
    """Read the content of a blob, in pieces, and return a file with it."""
    mark = _read(file, len(_CONTENT))
    if mark != _CONTENT:
        raise ExportError(f"the content of a blob begins with {_CONTENT!r}, and this with {mark!r}")
    left, content = u64(_read(file, 8)), new_file(folder)
    try:
        with content.open("wb") as target:
            while left:
                left -= target.write(_read(file, min(left, _PIECE)))
    except BaseException:
        content.unlink()
        raise
    return content


def _read(file: IO[bytes], size: int) -> bytes:
    data = _read_up_to(file, size)
    if missing := size - len(data):
        raise ExportError(f"the exported file is truncated: {missing} more bytes should follow")
    return data


def _read_up_to(file: IO[bytes], size: int) -> bytes:
    """Read as much as this, or what is left; a pipe may give a part at a time."""
    parts = []
    while size and (part := file.read(min(size, _PIECE))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class _Reference:
    """Stands in the state of an imported object for what it refers to.

    It may be the key of a mapping there, whatever its form is.
    """

    def __init__(self, form: Any) -> None:
        self.form = form


class Renumbering(RecordWriter):
    """Writes records for one connection from those of one file (XEXP-4).

    `weakly` are the new oids of what weak references of the last record lead to.
    """

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self.weakly: set[bytes] = set()
        self._given: dict[bytes, bytes] = {}  # the new oids by those of the file
        self._wanted: set[bytes] = set()  # new oids of what strong references lead to
        self._find_class = connection.reader.find_class

    def oid(self, old: bytes) -> bytes:
        """Return the new oid of the object that has the oid `old` in the file."""
        if old not in self._given:
            self._given[old] = self._connection.new_oid()
        return self._given[old]

    def renumbered(self, record: bytes) -> bytes:
        """Return the record with the new oids.

        Raises `ExportError` where it refers to an object of another database, or cannot be read.
        """
        self.weakly = set()
        unpickler = _Unpickler(record, self._find_class, self._renumber)
        try:
            description, state = unpickler.load(), unpickler.load()
        except POSError:
            raise
        except Exception as error:
            raise ExportError(f"an exported record cannot be read: {error!r}") from error
        return self.record(description, state)

    def require_all(self, stored: Callable[[bytes], bool]) -> None:
        """Raise `ExportError` where a strong reference leads to what is not in the file (XEXP-11).

        `stored` tells whether the object with a new oid is.
        """
        old = next((old for old, new in self._given.items() if self._is_lost(new, stored)), None)
        if old is not None:
            raise ExportError(
                f"the exported file has a reference to the object {oid_repr(old)}, which is not in"
                " it; export it again from a database where nothing is missing"
            )

    def persistent_id(self, value: Any) -> Any:
        """Return the new reference that `value` stands for; None for what is pickled by value."""
        if has_alias(value):
            raise MeetsAlias
        return self._reference(value)

    def _reference(self, value: Any) -> Any:
        return value.form if type(value) is _Reference else None

    def _is_lost(self, oid: bytes, stored: Callable[[bytes], bool]) -> bool:
        return oid in self._wanted and not stored(oid)

    def _strong(self, old: bytes | str) -> bytes:
        oid = self.oid(as_oid(old))
        self._wanted.add(oid)
        return oid

    def _weak(self, old: bytes) -> bytes:
        oid = self.oid(old)
        self.weakly.add(oid)
        return oid

    def _renumber(self, reference: Any) -> _Reference:
        """Return what stands for a reference; the forms are listed in `zodb_reference.reading`."""
        if isinstance(reference, tuple):
            oid, klass = reference
            return _Reference((self._strong(oid), klass))
        if isinstance(reference, bytes | str):
            return _Reference(self._strong(reference))
        match reference:
            case ["w", (oid,)] | [oid]:
                return _Reference(["w", (self._weak(as_oid(oid)),)])
            case ["m", (name, _, _)] | ["n", (name, _)] | ["w", (_, name)]:
                raise ExportError(
                    f"the exported file has a reference to an object of the database {name!r}, and"
                    " does not tell which database that was; take the reference out, and export"
                    " again"
                )
        raise ExportError(f"a reference of an unknown kind: {reference!r}")


class Settling(Renumbering):
    """Writes imported records again, whose weak references lead to what was not in the file.

    `stored` tells whether the object with an oid was imported.
    """

    def __init__(self, connection: Any, stored: Callable[[bytes], bool]) -> None:
        super().__init__(connection)
        self._stored = stored

    def oid(self, old: bytes) -> bytes:
        """Return the oid that the object keeps, or one that no object has."""
        return old if self._stored(old) else _NOWHERE


class _Unpickler(pickle.Unpickler):
    def __init__(
        self,
        record: bytes,
        find_class: Callable[[str, str], Any],
        renumber: Callable[[Any], _Reference],
    ) -> None:
        super().__init__(io.BytesIO(record))
        self._find_class = find_class
        self._renumber = renumber

    def find_class(self, module: str, name: str) -> Any:
        return self._find_class(module, name)

    def persistent_load(self, reference: Any) -> _Reference:
        return self._renumber(reference)
