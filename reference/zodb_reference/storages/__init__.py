"""Storages of the reference: two-phase commit over a history in memory, or in an SQLite file."""

from zodb_reference.storages.clients import ClientStorage
from zodb_reference.storages.instances import SnapshotStorage
from zodb_reference.storages.layered import LayeredStorage
from zodb_reference.storages.memory import MemoryStorage
from zodb_reference.storages.sqlite import SQLiteStorage

__all__ = ["ClientStorage", "LayeredStorage", "MemoryStorage", "SQLiteStorage", "SnapshotStorage"]
