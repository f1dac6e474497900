"""Faults in the oids and tids that a storage gives."""

from __future__ import annotations

from typing import Any

from zodb_reference.storages.reading import ReadableStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around


@double("storage.begins-without-transaction")
def an_empty_storage_has_a_last_transaction() -> Fault:
    """A storage in which nothing was ever stored tells of a last transaction.

    A copy that is continued "after the last transaction" leaves out what has the first tids.
    """

    def last(correct: Any, storage: ReadableStorage) -> bytes:
        tid: bytes = correct(storage)
        return tid if any(tid) else bytes(7) + b"\x01"

    return around(ReadableStorage, "lastTransaction", last)
