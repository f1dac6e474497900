"""The released ZODB as a target, over three of its own storages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from zodb_conformance.targets.base import Target

SHARED = frozenset(
    {
        "iteration",
        "raw-records",
        "class-factory",
        "persistent-classes",
        "large-record-warning",
        "references",
    }
)
RESOLVING = SHARED | {"conflict-resolution"}
DISTRIBUTIONS = ("ZODB", "BTrees", "zodbpickle", "zope.interface")


def over(
    name: str,
    open_storage: Callable[[Path], Any],
    lines: tuple[str, ...],
    capabilities: frozenset[str],
) -> Target:
    """ZODB's DB over a storage.

    open_storage  opens the storage in a folder
    lines         lines of Python that make the same as ``storage``
    """
    from ZODB import DB
    from ZODB.persistentclass import PersistentMetaClass

    def open_database(directory: Path, **options: Any) -> Any:
        return DB(open_storage(directory), **options)

    return Target(
        name=name,
        open_database=open_database,
        lines=("import ZODB", *lines, "db = ZODB.DB(storage)"),
        level="connection",
        database="ZODB.DB",
        capabilities=capabilities,
        extras={"PersistentMetaClass": PersistentMetaClass},
        distributions=DISTRIBUTIONS,
    )


def mapping() -> Target:
    """ZODB over its MappingStorage, in memory; it does not resolve conflicts."""
    from ZODB.MappingStorage import MappingStorage

    return over(
        "zodb-mapping",
        lambda directory: MappingStorage(),
        ("import ZODB.MappingStorage", "storage = ZODB.MappingStorage.MappingStorage()"),
        SHARED,
    )


def file() -> Target:
    """ZODB over a FileStorage."""
    from ZODB.FileStorage import FileStorage

    return over(
        "zodb-file",
        lambda directory: FileStorage(str(directory / "Data.fs")),
        (
            "import tempfile",
            "import ZODB.FileStorage",
            "directory = tempfile.TemporaryDirectory()",
            "storage = ZODB.FileStorage.FileStorage(directory.name + '/Data.fs')",
        ),
        RESOLVING | {"durable"},
    )


def demo() -> Target:
    """ZODB over a DemoStorage in memory."""
    from ZODB.DemoStorage import DemoStorage

    return over(
        "zodb-demo",
        lambda directory: DemoStorage(),
        ("import ZODB.DemoStorage", "storage = ZODB.DemoStorage.DemoStorage()"),
        RESOLVING,
    )
