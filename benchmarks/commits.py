"""Commits per second of the reference beside ZODB, each over the same storages."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import transaction
import ZODB
import ZODB.POSException
import zodb_reference
from persistent.mapping import PersistentMapping
from timing import best
from ZODB.FileStorage import FileStorage
from ZODB.MappingStorage import MappingStorage
from zodb_reference.storages import MemoryStorage, SQLiteStorage

COMMITS = 400
Open = Callable[[Any], Any]

STORAGES: dict[str, Callable[[str], Any]] = {
    "MappingStorage": lambda folder: MappingStorage(),
    "MemoryStorage": lambda folder: MemoryStorage(errors=ZODB.POSException),
    "FileStorage": lambda folder: FileStorage(f"{folder}/Data.fs"),
    "SQLiteStorage": lambda folder: SQLiteStorage(
        f"{folder}/data.sqlite", errors=ZODB.POSException
    ),
}


def commits(open_database: Open, open_storage: Callable[[str], Any]) -> None:
    """Make one new object in each transaction, and change another."""
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(open_storage(str(Path(folder))))
        manager = transaction.TransactionManager()
        connection = database.open(manager)
        root = connection.root()
        for number in range(COMMITS):
            root[number % 20] = PersistentMapping(n=number)
            manager.commit()
        connection.close()
        database.close()


def row_of(name: str, open_storage: Callable[[str], Any]) -> str:
    """Both over one storage."""
    times = best(
        {
            "zodb": lambda: commits(ZODB.DB, open_storage),
            "reference": lambda: commits(zodb_reference.DB, open_storage),
        }
    )
    rate = COMMITS / times["zodb"]
    return f"{name:16} {rate:15,.0f} {times['zodb'] / times['reference']:15.2f}"


def main() -> None:
    """Print the figures."""
    print(f"{'storage':16} {'ZODB commits/s':>15} {'reference/ZODB':>15}")
    for name, open_storage in STORAGES.items():
        print(row_of(name, open_storage))


if __name__ == "__main__":
    main()
