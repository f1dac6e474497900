"""ZODB over RelStorage: on SQLite, and on a PostgreSQL that the run starts; each with the whole
history, or with the current state alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from zodb_conformance.servers import lodging, postgresql
from zodb_conformance.targets.base import Storage, Target
from zodb_conformance.targets.databases import assigned
from zodb_conformance.targets.zodb import KEEPING, mapping, over_zodb

DISTRIBUTIONS = ("RelStorage",)
WHOLE = (KEEPING - {"serving"}) | {
    "blobs",
    "blob-restoring",
    "instances",
    "several-clients",
}
CURRENT = WHOLE - {"historical", "old-revisions", "undo"}
"""What RelStorage can do with the whole history, and with the current state alone."""

PATIENCE = 4
"""Seconds that a commit waits for the locks of another one before it is refused. By default it is
thirty, and the suite would take a storage that waits so long for one that hangs. In a step of an
example there are two such commits, and a quick run has patience for ten seconds.
"""

IMPORTS = (
    "from relstorage.options import Options",
    "from relstorage.storage import RelStorage",
)


def sqlite() -> Target:
    """RelStorage on SQLite, with the whole history."""
    return _over_sqlite("relstorage-sqlite", keep=True)


def sqlite_history_free() -> Target:
    """RelStorage on SQLite, which forgets what is not current."""
    return _over_sqlite("relstorage-sqlite-hf", keep=False)


def postgresql_() -> Target:
    """RelStorage on a PostgreSQL of its own, with the whole history."""
    return _over_postgresql("relstorage-postgresql", keep=True)


def postgresql_history_free() -> Target:
    """RelStorage on a PostgreSQL of its own, which forgets what is not current."""
    return _over_postgresql("relstorage-postgresql-hf", keep=False)


def _over_sqlite(name: str, *, keep: bool) -> Target:
    from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
    from relstorage.options import Options
    from relstorage.storage import RelStorage

    def storage(options: str, **given: Any) -> Storage:
        def open_storage(directory: Path) -> Any:
            options = Options(keep_history=keep, blob_dir=str(directory / "blobs"), **given)
            adapter = Sqlite3Adapter(str(directory / "data"), {}, options=options)
            return RelStorage(adapter, options=options)

        lines = (
            "import tempfile",
            "from relstorage.adapters.sqlite.adapter import Sqlite3Adapter",
            *IMPORTS,
            "directory = tempfile.TemporaryDirectory()",
            "data, blobs = directory.name + '/data', directory.name + '/blobs'",
            f"settings = Options(keep_history={keep}, blob_dir=blobs{options})",
            "adapter = Sqlite3Adapter(data, {}, options=settings)",
            "storage = RelStorage(adapter, options=settings)",
        )
        return Storage(open_storage, lines)

    return _over(name, storage, DISTRIBUTIONS, keep=keep)


def _over_postgresql(name: str, *, keep: bool) -> Target:
    # What is missing is to be told before a server is started.
    import psycopg2  # noqa: F401
    from relstorage.adapters.postgresql import PostgreSQLAdapter
    from relstorage.options import Options
    from relstorage.storage import RelStorage

    def opened(dsn: str, **given: Any) -> Any:
        options = Options(keep_history=keep, **given)
        return RelStorage(PostgreSQLAdapter(dsn, options=options), options=options)

    def storage(options: str, **given: Any) -> Storage:
        def open_storage(directory: Path) -> Any:
            kind = "whole" if keep else "current"
            dsn = assigned(lodging.current(), directory, kind, opened)
            blobs = str(directory / "blobs")
            return opened(dsn, blob_dir=blobs, shared_blob_dir=False, **given)

        lines = (
            *postgresql.lines(),
            "from relstorage.adapters.postgresql import PostgreSQLAdapter",
            *IMPORTS,
            f"settings = Options(keep_history={keep}, shared_blob_dir=False{options})",
            "settings.blob_dir = directory.name + '/blobs'",
            "adapter = PostgreSQLAdapter(directory.dsn, options=settings)",
            "storage = RelStorage(adapter, options=settings)",
        )

        def crash(directory: Path) -> None:
            postgresql.crash(lodging.current())

        return Storage(open_storage, lines, crash=crash)

    return _over(name, storage, (*DISTRIBUTIONS, "psycopg2-binary"), keep=keep)


def _over(
    name: str, storage: Callable[..., Storage], distributions: tuple[str, ...], *, keep: bool
) -> Target:
    patient = f", commit_lock_timeout={PATIENCE}"
    opened = storage(patient, commit_lock_timeout=PATIENCE)._replace(
        read_only=storage(", read_only=True", read_only=True)
    )
    capabilities, plain = (WHOLE, mapping()) if keep else (CURRENT, None)
    return over_zodb(name, opened, capabilities, plain, distributions)
