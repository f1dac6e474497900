"""Object ids and transaction ids: eight bytes, big-endian, unsigned.

An *oid* names an object of one database; eight zero bytes name its root. A *tid* names a committed
transaction and is at the same time the *serial* of every revision that the transaction wrote. It
encodes the time of the commit: the minutes since 1900 in the upper half, the fraction of the minute
in the lower.
"""

import struct
import time
from datetime import UTC, datetime

from persistent.timestamp import TimeStamp

_UINT64 = struct.Struct(">Q")

#: The oid of the root, and the serial of an object that has never been committed.
z64 = b"\0" * 8

#: The greatest tid that a storage may use; the upper half of the number space stays free.
maxtid = b"\x7f" + b"\xff" * 7


def p64(number: int) -> bytes:
    """Return `number` as eight bytes; `ValueError` where it does not fit."""
    try:
        return _UINT64.pack(number)
    except struct.error as error:
        raise ValueError(f"{number!r} is no unsigned 64 bit number") from error


def u64(data: bytes) -> int:
    """Return the number that eight bytes stand for; `ValueError` for another length."""
    try:
        (number,) = _UINT64.unpack(data)
    except struct.error as error:
        raise ValueError(f"{data!r} is not eight bytes long") from error
    assert isinstance(number, int)
    return number


def new_tid(last: bytes, now: float | None = None) -> bytes:
    """Return a tid for a commit at `now` (seconds since the epoch; the clock where it is None).

    The result is greater than `last`, the greatest tid so far, even if the clock went back
    (STOR-14).
    """
    if now is None:
        now = time.time()
    stamp = TimeStamp(*time.gmtime(now)[:5], now % 60)
    return bytes(stamp.laterThan(TimeStamp(last)).raw())


def tid_at(moment: datetime) -> bytes:
    """Return the tid of a commit at this moment, which is taken for UTC where it has no time zone.

    Raises `ValueError` for a moment that no tid stands for, before 1900 or some 8000 years later.
    """
    try:
        # Without a time zone astimezone() would take it for local time.
        utc = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{moment} is out of the range of UTC") from error
    stamp = TimeStamp(*utc.timetuple()[:5], utc.second + utc.microsecond / 1_000_000)
    if stamp.year() != utc.year:
        raise ValueError(f"{moment} is out of the range of tids")
    return bytes(stamp.raw())


def oid_repr(oid: object) -> str:
    """Return an oid or tid as messages show it, `0x2a`, and the repr of anything else."""
    if isinstance(oid, bytes) and len(oid) == 8:
        return "0x" + (oid.lstrip(b"\0") or b"\0").hex()
    return repr(oid)


def tid_repr(tid: object) -> str:
    """Return a tid as messages show it, with the time that it encodes."""
    if isinstance(tid, bytes) and len(tid) == 8:
        return f"{oid_repr(tid)} {TimeStamp(tid)}"
    return repr(tid)
