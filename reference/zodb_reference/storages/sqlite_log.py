"""Whether the log that a crash has left behind is only torn at its end, or damaged before.

SQLite reads a log up to the first frame that does not fit its checksum, and drops the rest: it
takes that frame for the one at which the power failed. A changed bit looks the same, and would take
finished transactions with it, without a word.

What tells the two apart: the checksum of a frame is computed from that of the frame before, and a
transaction is only written when the one before is on the disk. So where an unbroken chain of frames
has the end of two transactions, the first was on the disk, and with it all that comes before.
"""

import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from zodb_reference.storages.sqlite_format import PAGE_SIZE

_HEADER = struct.Struct(">8I")  # magic, version, page size, number, two salts, checksum
_FRAME = struct.Struct(">6I")  # page, size of the database at a commit or 0, two salts, checksum
_FRAME_SIZE = _FRAME.size + PAGE_SIZE
_MAGIC = 0x377F0682  # its last bit tells the byte order of what the checksums are computed from


class _Frame(NamedTuple):
    is_chained: bool  # its checksum fits that of the frame before
    is_commit: bool  # it ends a transaction


def has_lost_transactions(log: Path) -> bool:
    """Tell whether SQLite would drop transactions of the log that were on the disk.

    Damage of the last transaction alone can't be told from a torn end.
    """
    is_intact, ends = True, 0
    for frame in _frames(log):
        if not frame.is_chained:
            is_intact, ends = False, 0
        ends += frame.is_commit
        if not is_intact and ends > 1:
            return True
    return False


def _frames(log: Path) -> Iterator[_Frame]:
    """Yield the header of the log as if it were a frame, then its frames.

    What an earlier use of the file has left in it is told by other salts, and left out.
    """
    with log.open("rb") as file:
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return
        magic, _, _, _, *salts, first, second = _HEADER.unpack(header)
        little = magic == _MAGIC if magic in (_MAGIC, _MAGIC | 1) else sys.byteorder == "little"
        order = "<" if little else ">"
        is_intact = _checksum(order, (0, 0), header[:24]) == (first, second)
        yield _Frame(is_intact, is_commit=False)
        checksum = first, second
        while len(frame := file.read(_FRAME_SIZE)) == _FRAME_SIZE:
            _, size, *own_salts, first, second = _FRAME.unpack_from(frame)
            if is_intact and own_salts != salts:
                continue
            content = frame[:8] + frame[_FRAME.size :]
            is_chained = _checksum(order, checksum, content) == (first, second)
            yield _Frame(is_chained, is_commit=size > 0)
            checksum = first, second


def _checksum(order: str, start: tuple[int, int], content: bytes) -> tuple[int, int]:
    """Go on with a checksum as SQLite does."""
    first, second = start
    for one, other in struct.iter_unpack(f"{order}2I", content):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + other + first) & 0xFFFFFFFF
    return first, second
