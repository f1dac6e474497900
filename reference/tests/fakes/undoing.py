"""Storages that can undo, and transactions to be undone."""

from sample_objects import Item
from ZODB.FileStorage import FileStorage
from zodb_reference.storages import MemoryStorage, SQLiteStorage

UNDOING = {
    "memory": lambda folder: MemoryStorage(),
    "sqlite": lambda folder: SQLiteStorage(folder / "test.sqlite"),
    "zodb": lambda folder: FileStorage(str(folder / "test.fs")),
}
"""What opens a storage that supports undo, in a folder, by the name of its kind."""


def in_steps(connection, manager):
    """Return an object whose x was set to 0, 1 and 2, in a transaction each, described by it."""
    connection.root.item = item = Item()
    for x in range(3):
        item.x = x
        manager.get().note(str(x))
        manager.commit()
    return item
