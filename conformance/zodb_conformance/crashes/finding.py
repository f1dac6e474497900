"""What is found when a storage has been opened again after a crash."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zodb_spec.crash import Found, Written

from zodb_conformance.storagekit import newest, value_in
from zodb_conformance.supervisor.child import describe


def found_in(storage: Any, oids: Iterable[bytes], *, listing: bool) -> Found:
    """What a storage shows that has just been opened.

    oids     those of which the program knows
    listing  whether the storage can list its transactions
    """
    storage = newest(storage)
    current = {oid: _current(storage, oid) for oid in sorted(oids)}
    last = storage.lastTransaction()
    if not listing:
        return Found(last, current)
    try:
        return Found(last, current, _transactions(storage))
    except Exception as error:  # noqa: BLE001  # what is current may tell more
        return Found(last, current, None, describe(error))


def _current(storage: Any, oid: bytes) -> tuple[str, bytes] | None:
    try:
        data, tid = storage.load(oid, "")[:2]
    except KeyError:
        return None
    return value_in(data), tid


def _transactions(storage: Any) -> tuple[Written, ...]:
    found = []
    iterator = storage.iterator()
    for transaction in iterator:
        records = {
            record.oid: None if record.data is None else value_in(record.data)
            for record in transaction
        }
        found.append(Written(transaction.tid, records))
    getattr(iterator, "close", lambda: None)()
    return tuple(found)
