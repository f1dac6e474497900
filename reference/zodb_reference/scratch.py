"""Where the records of savepoints are kept until the transaction ends: a temporary file."""

import contextlib
import io
import shutil
import struct
import tempfile
from collections.abc import Container, Iterator
from typing import IO, NamedTuple

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
    small it is kept in memory, which spares short transactions the time to make it.
    """

    #: From how many bytes on the records are on the disk.
    max_memory = 1 << 20

    def __init__(self) -> None:
        self.length = 0
        self._file: IO[bytes] = io.BytesIO()
        self._is_on_disk = False
        self._positions: dict[bytes, int] = {}

    def store(self, oid: bytes, serial: bytes, record: bytes) -> None:
        """Keep the record of an object, and the serial that the object was loaded with."""
        if self.length >= self.max_memory and not self._is_on_disk:
            self._move_to_disk()
        earlier = self._positions.get(oid, _NOWHERE)
        self._file.seek(self.length)
        self._file.write(_FORMAT.pack(oid, serial, earlier, len(record)))
        self._file.write(record)
        self._positions[oid] = self.length
        self.length += _FORMAT.size + len(record)

    def load(self, oid: bytes) -> tuple[bytes, bytes] | None:
        """Return the last record of an object, and its serial; None where none was kept."""
        position = self._positions.get(oid)
        if position is None:
            return None
        head = self._head(position)
        return self._file.read(head.size), head.serial

    def oids(self) -> list[bytes]:
        """Return the oids of the objects of which a record is kept."""
        return list(self._positions)

    def records(self, but: Container[bytes]) -> Iterator[tuple[bytes, bytes, bytes]]:
        """Yield the last records as oid, serial and record, without those of the oids in `but`."""
        for oid, position in sorted(self._positions.items(), key=lambda item: item[1]):
            if oid not in but:
                head = self._head(position)
                yield oid, head.serial, self._file.read(head.size)

    def go_back(self, length: int) -> None:
        """Forget what was kept since the file had this length."""
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
        self.length = length
        self._file.truncate(length)

    def close(self) -> None:
        """Forget everything; later calls do nothing."""
        self._positions = {}
        self.length = 0
        with contextlib.suppress(OSError):  # a full disk refuses what is still to be written
            self._file.close()

    def _move_to_disk(self) -> None:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - see close()
        self._file.seek(0)
        shutil.copyfileobj(self._file, file)
        self._file = file
        self._is_on_disk = True

    def _head(self, position: int) -> _Head:
        self._file.seek(position)
        return _Head._make(_FORMAT.unpack(self._file.read(_FORMAT.size)))
