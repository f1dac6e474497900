"""The reference implementation as a target: in memory and in a SQLite file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zodb_conformance.targets.base import Target

CAPABILITIES = frozenset(
    {
        "conflict-resolution",
        "iteration",
        "raw-records",
        "class-factory",
        "persistent-classes",
        "large-record-warning",
        "references",
    }
)


def _extras() -> dict[str, Any]:
    from zodb_reference.persistentclass import PersistentMetaClass

    return {"PersistentMetaClass": PersistentMetaClass}


def memory() -> Target:
    """The reference over its storage in memory."""
    from zodb_reference import DB

    def open_database(directory: Path, **options: Any) -> Any:
        return DB(**options)

    return Target(
        name="reference-memory",
        open_database=open_database,
        lines=("import zodb_reference", "db = zodb_reference.DB()"),
        level="connection",
        database="zodb_reference.DB",
        capabilities=CAPABILITIES,
        extras=_extras(),
        distributions=("zodb-conformance",),
    )


def sqlite() -> Target:
    """The reference over a SQLite file."""
    from zodb_reference import DB

    def open_database(directory: Path, **options: Any) -> Any:
        return DB(str(directory / "data.sqlite"), **options)

    return Target(
        name="reference-sqlite",
        open_database=open_database,
        lines=(
            "import tempfile",
            "import zodb_reference",
            "directory = tempfile.TemporaryDirectory()",
            "db = zodb_reference.DB(directory.name + '/data.sqlite')",
        ),
        level="connection",
        database="zodb_reference.DB",
        capabilities=CAPABILITIES | {"durable"},
        extras=_extras(),
        distributions=("zodb-conformance",),
    )
