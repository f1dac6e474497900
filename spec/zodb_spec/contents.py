"""The table of contents: the chapters in the order in which they are read.

To import this module is to state every clause and to declare every operation.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import ModuleType

import zodb_spec.operations  # noqa: F401  # declares the table
from zodb_spec import chapters
from zodb_spec.chapters import storage
from zodb_spec.clause import CHAPTERS as PREFIX
from zodb_spec.clause import Clause, clauses

ORDER = (
    "objects",
    "tracking",
    "persistence",
    "reach",
    "storing",
    "identity",
    "loading",
    "record_format",
    "record_reading",
    "missing_classes",
    "removed_objects",
    "persistent_classes",
    "transactions",
    "transaction_protocol",
    "isolation",
    "write_skew",
    "resolution",
    "connections",
    "connection_interface",
    "close_callbacks",
    "connection_methods",
    "interfaces",
    "synchronizers",
    "pool",
    "cache",
    "cache_invalidation",
    "historical",
    "historical_interface",
    "historical_pool",
    "database_interface",
    "database_history",
    "undo",
    "threads",
    "concurrent_commits",
    "concurrent_packing",
    "savepoints",
    "savepoint_interface",
    "blobs",
    "blob_savepoints",
    "database_collections",
    "database_closing",
    "groups",
    "cross_references",
    "cross_reference_records",
    "weak_cross_references",
    "new_objects",
    "imports",
    "joint_commits",
    "boundaries",
    "unsynchronized",
    "current_reads",
    "current_read_interface",
    "versions",
    "version_interface",
    "version_questions",
    "version_endings",
    "version_invalidations",
    "version_company",
    "threads_with_versions",
    "laws",
    "step_laws",
    "joint_laws",
    "view_laws",
    "version_laws",
    "undo_laws",
    "storage.interface",
    "storage.commits",
    "storage.revisions",
    "storage.files",
    "storage.reversals",
    "storage.restorations",
    "storage.upkeep",
    "storage.snapshots",
    "storage.sharing",
    "storage.protocol_laws",
    "storage.two_phase",
    "storage.out_of_order",
    "storage.turns",
    "storage.transaction_data",
    "storage.oids_and_tids",
    "storage.lifetime",
    "storage.reading",
    "storage.history",
    "storage.iteration",
    "storage.deletion",
    "storage.recreation",
    "storage.restoring",
    "storage.copying",
    "storage.current_reads",
    "storage.instances",
    "storage.polling",
    "storage.announcing",
    "storage.clients",
    "storage.lost_connections",
    "storage.layer",
    "storage.packing",
    "storage.collecting",
    "storage.concurrent_packing",
    "storage.undoing",
    "storage.undoing_several",
    "storage.undo_log",
    "storage.undo_and_garbage",
    "storage.blobs",
    "storage.blob_revisions",
    "storage.resolving",
    "storage.wrapping",
    "storage.layering",
    "storage.layering_upkeep",
    "storage.layering_blobs",
    "storage.durability",
)
"""The chapters that are read in this order; others follow by name."""


def _names() -> list[str]:
    found = [
        module.name.removeprefix(PREFIX)
        for package in (chapters, storage)
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
        if not module.ispkg
    ]
    return [*ORDER, *(name for name in sorted(found) if name not in ORDER)]


CHAPTERS: tuple[ModuleType, ...] = tuple(
    importlib.import_module(f"{PREFIX}{name}") for name in _names()
)


def reading_order() -> tuple[Clause, ...]:
    """All clauses as they are read: chapter by chapter, and inside a chapter as they are
    written.
    """
    chapter = {module.__name__: number for number, module in enumerate(CHAPTERS)}
    return tuple(
        sorted(
            clauses().values(),
            key=lambda clause: (
                chapter[clause.function.__module__],
                inspect.unwrap(clause.function).__code__.co_firstlineno,
            ),
        )
    )
