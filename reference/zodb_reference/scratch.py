"""Where the records of savepoints are kept until the transaction ends: a temporary file."""

import contextlib
import io
import os
import struct
import tempfile
from collections.abc import Container, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from zodb_reference.errors import StorageError

_NOWHERE = -1


class _Head(NamedTuple):
    """What stands in the file before each record, in `_FORMAT`."""

    oid: bytes
    serial: bytes
    earlier: int  # the position of the object's record before this one
    size: int


_FORMAT = struct.Struct(">8s8sqQ")


class Scratch:
    """The records that the savepoints of one transaction of one connection have kept.

    They follow each other in a file, each with the position of the record that it replaces; in
    memory are the positions of the last ones. So an earlier state is told by nothing but the length
    that the file had then, and going back to it undoes what was written later.

    The file has no name that others could find, and is gone once it is closed. As long as it is
    small it is kept in memory, which spares short transactions the time to make it. A process that
    was forked since it is on the disk shares it, and can forget it but neither read nor write.
    """

    #: From how many bytes on the records are on the disk.
    max_memory = 1 << 20

    def __init__(self) -> None:
        self.length = 0
        self._contents: dict[int, Path] = {}  # the files of blobs, by the positions of the records
        self._file: IO[bytes] = io.BytesIO()
        self._process: int | None = None  # which has made the file, once it is on the disk
        self._positions: dict[bytes, int] = {}

    def store(self, oid: bytes, serial: bytes, record: bytes, content: Path | None = None) -> None:
        """Keep the record of an object, and the serial that the object was loaded with.

        The file `content`, of a blob, is kept with it, and removed when it is forgotten. Raises
        `OSError` where the disk takes no more; nothing has changed then.
        """
        if self.length >= self.max_memory and self._process is None:
            self._move_to_disk()
        earlier = self._positions.get(oid, _NOWHERE)
        self._seek(self.length)
        _write(self._file, _FORMAT.pack(oid, serial, earlier, len(record)))
        _write(self._file, record)
        end = self.length + _FORMAT.size + len(record)
        if content is not None:
            self._contents[self.length] = content
        # Nothing can interrupt these two.
        self._positions[oid], self.length = self.length, end

    def load(self, oid: bytes) -> tuple[bytes, bytes] | None:
        """Return the last record of an object, and its serial; None where none was kept."""
        position = self._positions.get(oid)
        if position is None:
            return None
        head = self._head(position)
        return _read(self._file, head.size), head.serial

    def content(self, oid: bytes) -> Path | None:
        """Return the file that was kept with the last record of an object, if there is one."""
        return self._contents.get(self._positions.get(oid, _NOWHERE))

    def oids(self) -> list[bytes]:
        """Return the oids of the objects of which a record is kept."""
        return list(self._positions)

    def records(self, but: Container[bytes]) -> Iterator[tuple[bytes, bytes, bytes]]:
        """Yield the last records as oid, serial and record, without those of the oids in `but`."""
        for oid, position in sorted(self._positions.items(), key=lambda item: item[1]):
            if oid not in but:
                head = self._head(position)
                yield oid, head.serial, _read(self._file, head.size)

    def go_back(self, length: int) -> None:
        """Forget what was kept since the file had this length."""
        if length == 0:
            self.close()  # reads nothing: this must be possible whatever the disk does
        if length == self.length:
            return
        position = length
        while position < self.length:
            head = self._head(position)
            # A record of an object that has another one behind `length` tells nothing new.
            if head.earlier == _NOWHERE:
                self._positions.pop(head.oid, None)
            elif head.earlier < length:
                self._positions[head.oid] = head.earlier
            position += _FORMAT.size + head.size
        self._remove_contents(length)
        self.length = length
        self._file.truncate(length)

    def close(self) -> None:
        """Forget everything, and give up the file."""
        self._remove_contents(0)
        self._positions = {}
        self.length = 0
        with contextlib.suppress(OSError):  # it is closed all the same
            self._file.close()
        self._file, self._process = io.BytesIO(), None

    def _remove_contents(self, since: int) -> None:
        for position in [each for each in self._contents if each >= since]:
            with contextlib.suppress(OSError):  # it is forgotten all the same
                self._contents.pop(position).unlink(missing_ok=True)

    def _move_to_disk(self) -> None:
        # Without a buffer: what is still to be written at a later moment would have to be written,
        # on a disk that may be full, to forget it; and by a forked process as well.
        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - see close()
        try:
            self._file.seek(0)
            _write(file, self._file.read())
        except BaseException:
            file.close()
            raise
        self._file, self._process = file, os.getpid()

    def _head(self, position: int) -> _Head:
        self._seek(position)
        return _Head._make(_FORMAT.unpack(_read(self._file, _FORMAT.size)))

    def _seek(self, position: int) -> None:
        if self._process not in (None, os.getpid()):
            raise StorageError(
                "what savepoints have kept is in a file of the process that this one was forked"
                " from; abort the transaction, and change objects in a new one"
            )
        self._file.seek(position)


def _write(file: IO[bytes], data: bytes) -> None:
    """Write all, where the operating system may take a part at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _read(file: IO[bytes], size: int) -> bytes:
    """Read as much as this, where the operating system may give a part at a time."""
    data = file.read(size)
    while data and len(data) < size and (more := file.read(size - len(data))):
        data += more
    return data
