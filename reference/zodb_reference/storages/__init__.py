"""Storages of the reference: two-phase commit over a history."""

from zodb_reference.storages.memory import MemoryStorage

__all__ = ["MemoryStorage"]
