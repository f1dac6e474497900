"""Crashes as values: what a storage had told before one, and what is found when it is opened again.

The program knows a transaction by what it leaves of each object: the value that it stored there,
or that there is no such object any more.  Oids and tids are those of the storage.  The value of a
blob says that it is one, and what it holds is told apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

UNKNOWN = b""
"""Stands for a tid that the storage has not told yet."""

ROOT = bytes(8)
"""The oid of the root, from which everything is reached, and which is reached in any case."""

NEVER = bytes(8)
"""The tid of a storage without transactions."""

BLOB = "a blob"
"""The value of every blob."""

NO_BLOBS: Mapping[bytes, str] = MappingProxyType({})
"""What a transaction without blobs stored in blobs."""


class Written(NamedTuple):
    """A transaction as the program knows it.

    tid      its tid
    records  by oid, the value that it stored; None where it took the object away
    blobs    by oid, what the blobs among them hold
    """

    tid: bytes
    records: Mapping[bytes, str | None]
    blobs: Mapping[bytes, str] = NO_BLOBS


class Told(NamedTuple):
    """What the storage had told before the crash.

    finished  the transactions for which `tpc_finish` had returned, in order
    doubtful  the one for which it had been called and had not returned, None where there was none
    refused   those for which it had not been called, and never was
    packed    how many of `finished` there were when the last pack began
    garbage   oids that the root did not lead to when some pack began
    """

    finished: tuple[Written, ...] = ()
    doubtful: Written | None = None
    refused: tuple[Written, ...] = ()
    packed: int = 0
    garbage: frozenset[bytes] = frozenset()


class Found(NamedTuple):
    """What is there when the storage has been opened again.

    last          what `lastTransaction` says
    current       by oid, the current value with its tid, of every oid of which the program knows;
                  None where there is no such object
    transactions  those that the storage lists, None where it lists none
    unlisted      why it could not list them though it should; "" where it could
    blobs         by oid, what those hold whose current value says that they are blobs; None where
                  that can't be read
    forgets       whether the storage keeps what is current alone, and lists no more of transactions
    """

    last: bytes
    current: Mapping[bytes, tuple[str, bytes] | None]
    transactions: tuple[Written, ...] | None = None
    unlisted: str = ""
    blobs: Mapping[bytes, str | None] = NO_BLOBS
    forgets: bool = False


class Continued(NamedTuple):
    """How work goes on after a crash: a transaction that stores a new object, and the storage is
    closed and opened once more.

    oid, tid  of that object
    found     whether everything is there then, that object included
    """

    oid: bytes
    tid: bytes
    found: bool


class Crash(NamedTuple):
    """One crash.

    told       what the storage had told before it
    found      what is there afterwards, None where the storage can't be opened and read
    continued  how work went on from there, None where that was not tried
    """

    told: Told
    found: Found | None = None
    continued: Continued | None = None


def current(transactions: Iterable[Written]) -> dict[bytes, tuple[str, bytes] | None]:
    """What is current after some transactions: by oid the value and its tid, or None."""
    state: dict[bytes, tuple[str, bytes] | None] = {}
    for transaction in transactions:
        for oid, value in transaction.records.items():
            state[oid] = None if value is None else (value, transaction.tid)
    return state


def outcomes(told: Told, found: Found) -> list[tuple[Written, ...]]:
    """The histories that a crash may leave: all that was finished, and with it the transaction that
    was in doubt or not.
    """
    if told.doubtful is None:
        return [told.finished]
    tid = told.doubtful.tid or found.last
    return [told.finished, (*told.finished, told.doubtful._replace(tid=tid))]


def is_current(history: Iterable[Written], told: Told, found: Found) -> bool:
    """Whether what is current is what a history leaves, but for garbage, which may be gone."""
    left = current(history)
    return all(
        seen == left.get(oid) or (seen is None and oid in told.garbage)
        for oid, seen in found.current.items()
    )


def is_listed(history: tuple[Written, ...], told: Told, found: Found) -> bool:
    """Whether the transactions that are listed are those of a history: one after the other and as a
    whole since the last pack began, and before that what it may have left of them; which is at
    least what is current.
    """
    if found.transactions is None:
        return not found.unlisted
    whole = len(history) if found.forgets else told.packed
    since = {transaction.tid: transaction for transaction in history[whole:]}
    before = {transaction.tid: transaction for transaction in history[:whole]}
    listed = [transaction.tid for transaction in found.transactions]
    if listed != sorted(set(listed)) or not since.keys() <= set(listed):
        return False
    records = {
        (oid, (value, transaction.tid))
        for transaction in found.transactions
        for oid, value in transaction.records.items()
    }
    if not all(known is None or (oid, known) in records for oid, known in found.current.items()):
        return False
    return all(
        transaction.records == since[transaction.tid].records
        if transaction.tid in since
        else transaction.tid in before
        and transaction.records.items() <= before[transaction.tid].records.items()
        for transaction in found.transactions
    )


def stored_in(oid: bytes, told: Told, found: Found) -> str:
    """What the transaction stored in a blob that stored its current value."""
    known = found.current[oid]
    assert known is not None
    *_, history = outcomes(told, found)
    # Where the one in doubt is not there, the tid that is taken for its own is that of another.
    stored = (each.blobs[oid] for each in history if each.tid == known[1] and oid in each.blobs)
    return next(stored, "nothing that the program knows of")


def oids_taken(told: Told, found: Found) -> frozenset[bytes]:
    """The oids that no new object may get after a crash: those of objects that are there, and of
    all that were there before and that no pack can have taken away.
    """
    known = {oid for each in told.finished for oid in each.records}
    seen = {oid for oid, state in found.current.items() if state is not None}
    return frozenset(known - told.garbage | seen)


def lasts_of(history: tuple[Written, ...], told: Told) -> tuple[bytes, ...]:
    """The tids of which one is that of the last transaction behind a history: its last, and where a
    pack may have left nothing of that, the one before as well.

    To tell an earlier one then is wrong, but not because of a crash: it is so whenever the storage
    is opened again.
    """
    tids = []
    for number, each in reversed([*enumerate(history)]):
        tids.append(each.tid)
        left = {oid for oid, value in each.records.items() if value is not None}
        if number >= told.packed or left - told.garbage:
            return tuple(tids)
    return (*tids, NEVER)


def last_of(history: tuple[Written, ...]) -> bytes:
    """The tid of the last transaction of a history."""
    return history[-1].tid if history else NEVER
