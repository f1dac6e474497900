"""What iterating over a storage gives: copies, which wrappers of storages are used to change."""

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from zodb_reference.storages.history import Notes, Record


@dataclass
class RecordCopy:
    """A record of a transaction (STOR-27).

    `data` is None where the object ceased to exist, and `data_txn` names the earlier transaction
    whose data were stored again, as long as these are there (STOR-28).
    """

    oid: bytes
    tid: bytes
    data: bytes | None
    version: str = ""
    data_txn: bytes | None = None


class TransactionCopy:
    """A transaction and, by iterating, its records.

    It has what another storage reads where it is passed on as the meta data of a copy.
    """

    def __init__(self, notes: Notes, records: tuple[Record, ...]) -> None:
        self.tid = notes.tid
        self.status = notes.status
        self.user = notes.user
        self.description = notes.description
        self.extension_bytes = notes.extension_bytes
        self._records = records
        self._data: dict[int, object] = {}

    @cached_property
    def extension(self) -> dict[Any, Any]:
        """What the program noted; raises whatever unpickling it does."""
        return unpickle_extension(self.extension_bytes)

    def __iter__(self) -> Iterator[RecordCopy]:
        return (
            RecordCopy(one.oid, one.tid, one.data, one.version, one.data_txn)
            for one in self._records
        )

    def set_data(self, ob: object, data: object) -> None:
        """Keep `data` for `ob`, a storage that is being copied to."""
        self._data[id(ob)] = data

    def data(self, ob: object) -> object:
        """Return what `set_data` kept for `ob`; `KeyError` where that is nothing."""
        return self._data[id(ob)]


def unpickle_extension(extension_bytes: bytes) -> dict[Any, Any]:
    """Return the dictionary that was pickled, an empty one where nothing was."""
    return pickle.loads(extension_bytes) if extension_bytes else {}
