"""What is found when a storage has been opened again after a crash."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from zodb_spec.crash import BLOB, Found, Written

from zodb_conformance.storagekit import blob_record, newest, value_in
from zodb_conformance.supervisor.child import describe


def found_in(storage: Any, oids: Iterable[bytes], capabilities: Collection[str]) -> Found:
    """What a storage shows that has just been opened.

    oids          those of which the program knows
    capabilities  those of the storage: whether it can list its transactions, and keeps what they
                  have stored when others have stored something else
    """
    storage = newest(storage)
    current = {oid: _current(storage, oid) for oid in sorted(oids)}
    blobs = {
        oid: _held(storage, oid, known[1])
        for oid, known in current.items()
        if known is not None and known[0] == BLOB
    }
    forgets = "old-revisions" not in capabilities
    found = Found(storage.lastTransaction(), current, blobs=blobs, forgets=forgets)
    if "iteration" not in capabilities:
        return found
    try:
        return found._replace(transactions=_transactions(storage))
    except Exception as error:  # noqa: BLE001  # what is current may tell more
        return found._replace(unlisted=describe(error))


def _current(storage: Any, oid: bytes) -> tuple[str, bytes] | None:
    try:
        data, tid = storage.load(oid, "")[:2]
    except KeyError:
        return None
    return _value(data), tid


def _value(data: bytes) -> str:
    value: str = BLOB if data == blob_record() else value_in(data)
    return value


def _held(storage: Any, oid: bytes, tid: bytes) -> str | None:
    """What a blob holds, None where that can't be read."""
    try:
        return Path(storage.loadBlob(oid, tid)).read_text(encoding="utf-8", errors="replace")
    except Exception:  # noqa: BLE001  # whatever it is, it is not there
        return None


def _transactions(storage: Any) -> tuple[Written, ...]:
    found = []
    iterator = storage.iterator()
    for transaction in iterator:
        records = {
            record.oid: None if record.data is None else _value(record.data)
            for record in transaction
        }
        found.append(Written(transaction.tid, records))
    getattr(iterator, "close", lambda: None)()
    return tuple(found)
