"""Savepoints per second of the reference beside ZODB, and the memory of a long transaction."""

from __future__ import annotations

import tempfile
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import transaction
import ZODB
import zodb_reference
from persistent.mapping import PersistentMapping
from timing import best
from ZODB.FileStorage import FileStorage
from ZODB.MappingStorage import MappingStorage

SAVEPOINTS = 200
CHANGED = 10
MIB = 1 << 20

DATABASES: dict[str, Callable[[Any], Any]] = {"zodb": ZODB.DB, "reference": zodb_reference.DB}


def objects_of(database: Any, count: int) -> tuple[Any, list[Any]]:
    """A transaction manager, and objects of a connection that belongs to it."""
    manager = transaction.TransactionManager()
    root = database.open(manager).root()
    root["objects"] = objects = [PersistentMapping() for _ in range(count)]
    manager.commit()
    return manager, objects


def commit(open_database: Callable[[Any], Any]) -> None:
    """Change some objects before each savepoint, and commit."""
    database = open_database(MappingStorage())
    manager, objects = objects_of(database, SAVEPOINTS)
    for number in range(SAVEPOINTS):
        for position in range(CHANGED):
            objects[(number + position) % SAVEPOINTS]["n"] = PersistentMapping(n=number)
        manager.savepoint()
    manager.commit()
    database.close()


def roll_back(open_database: Callable[[Any], Any]) -> None:
    """Change some objects after each savepoint, and go back to it."""
    database = open_database(MappingStorage())
    manager, objects = objects_of(database, SAVEPOINTS)
    for number in range(SAVEPOINTS):
        savepoint = manager.savepoint()
        for position in range(CHANGED):
            objects[(number + position) % SAVEPOINTS]["n"] = PersistentMapping(n=number)
        savepoint.rollback()
    manager.abort()
    database.close()


def memory(open_database: Callable[[Any], Any]) -> float:
    """The most memory in MiB that a transaction takes that changes 100 MiB with 100 savepoints."""
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(FileStorage(f"{folder}/Data.fs"))
        manager, objects = objects_of(database, 100)
        tracemalloc.start()
        for each in objects:
            for number in range(100):
                each[number] = PersistentMapping(data=bytes(MIB // 100))
            manager.savepoint()
        manager.commit()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        database.close()
    return peak / MIB


def main() -> None:
    """Print the figures."""
    print(f"{'savepoints':16} {'ZODB':>15} {'reference/ZODB':>15}")
    for name, work in {"and commit": commit, "and rollback": roll_back}.items():
        times = best({each: partial(work, DATABASES[each]) for each in DATABASES})
        rate = SAVEPOINTS / times["zodb"]
        print(f"{name:16} {rate:13,.0f}/s {times['zodb'] / times['reference']:15.2f}")
    peaks = {name: memory(open_database) for name, open_database in DATABASES.items()}
    print(f"{'memory':16} {peaks['zodb']:11,.1f} MiB {peaks['reference'] / peaks['zodb']:15.2f}")


if __name__ == "__main__":
    main()
