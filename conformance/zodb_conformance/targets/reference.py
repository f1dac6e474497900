"""The reference implementation as a target: in memory, in a SQLite file, over a storage that brings
its own snapshots, and over one that several clients have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from zodb_conformance.targets.base import Connections, Cut, Facts, Layers, Storage, Target, over

CAPABILITIES = frozenset(
    {
        "several-databases",
        "conflict-resolution",
        "iteration",
        "old-revisions",
        "record-iteration",
        "deletion",
        "restoring",
        "serving",
        "raw-records",
        "class-factory",
        "persistent-classes",
        "cache-reset",
        "cache-invalidation",
        "connection-function",
        "large-record-warning",
        "references",
        "blobs",
        "blob-restoring",
        "undo",
        "pack",
        "garbage-collection",
        "history",
        "historical",
        "versions",
    }
)


CHOSEN = frozenset({"blobs", "blob-restoring", "conflict-resolution", "layers", "undo", "versions"})
"""What the plain storages of the reference lack."""


def connections() -> Connections:
    """The reference's ``DB``."""
    from zodb_reference import DB
    from zodb_reference.blobs import Blob

    lines = ("import zodb_reference", "db = zodb_reference.DB(storage)")
    return Connections("zodb_reference.DB", DB, lines, {"Blob": Blob})


def _extras() -> dict[str, Any]:
    from zodb_reference.connections import resetCaches
    from zodb_reference.db import connection
    from zodb_reference.persistentclass import PersistentMetaClass

    return {
        "PersistentMetaClass": PersistentMetaClass,
        "connect": connection,
        "resetCaches": resetCaches,
    }


def _over(name: str, storage: Storage, capabilities: frozenset[str], plain: Storage) -> Target:
    """A target of the reference.

    plain: how a storage of the sort is opened that can do less (see `_plain`)
    """
    facts: Facts = {
        "level": "connection",
        "capabilities": capabilities,
        "extras": _extras(),
        "distributions": ("zodb-conformance",),
        "knows_editions": True,
    }
    lacking: Facts = {**facts, "capabilities": capabilities - CHOSEN}
    lesser = over(f"{name}, plain", connections(), plain, **lacking)
    return replace(over(name, connections(), storage, **facts), plain=lesser)


def _plain(storage: Storage) -> Storage:
    """A storage without what a wrapper may take away.

    storage: one that does not resolve conflicts, which is chosen when it is opened
    """

    def open_storage(directory: Path) -> Any:
        from zodb_reference.interfaces import IBlobStorage
        from zope.interface import noLongerProvides

        opened = storage.open(directory)
        opened.supportsUndo = lambda: False
        noLongerProvides(opened, IBlobStorage)
        return opened

    lines = (
        *storage.lines,
        "from zodb_reference.interfaces import IBlobStorage",
        "from zope.interface import noLongerProvides",
        "storage.supportsUndo = lambda: False",
        "noLongerProvides(storage, IBlobStorage)",
    )
    return Storage(open_storage, lines)


def layers() -> Layers:
    """The reference's storage of changes, over any other."""
    from zodb_reference.storages import LayeredStorage

    lines = (
        "from zodb_reference.storages import LayeredStorage",
        "storage = LayeredStorage(base)",
    )
    return Layers(lambda base, directory: LayeredStorage(base), lines)


def memory() -> Target:
    """The reference over its storage in memory."""
    from zodb_reference.storages import MemoryStorage

    def storage(options: str, **given: Any) -> Storage:
        return Storage(
            lambda directory: MemoryStorage(**given),
            (
                "from zodb_reference.storages import MemoryStorage",
                f"storage = MemoryStorage({options})",
            ),
        )

    opened = storage("")._replace(versions=storage("versions=True", versions=True), over=layers())
    plain = _plain(storage("resolves=False", resolves=False))
    return _over("reference-memory", opened, CAPABILITIES | {"layers"}, plain)


def sqlite() -> Target:
    """The reference over a SQLite file."""
    from zodb_reference.storages import SQLiteStorage

    def storage(options: str, **given: Any) -> Storage:
        return Storage(
            lambda directory: SQLiteStorage(str(directory / "data.sqlite"), **given),
            (
                "import tempfile",
                "from zodb_reference.storages import SQLiteStorage",
                "directory = tempfile.TemporaryDirectory()",
                f"storage = SQLiteStorage(directory.name + '/data.sqlite'{options})",
            ),
        )

    opened = storage("")._replace(
        versions=storage(", versions=True", versions=True),
        read_only=storage(", read_only=True", read_only=True),
        over=layers(),
    )
    capabilities = CAPABILITIES | {"durable", "layers", "read-only"}
    plain = _plain(storage(", resolves=False", resolves=False))
    return _over("reference-sqlite", opened, capabilities, plain)


def snapshots() -> Target:
    """The reference over a storage that keeps the snapshots of its users itself."""
    from zodb_reference.storages import MemoryStorage, SnapshotStorage

    def below(options: str, **given: Any) -> Storage:
        return Storage(
            lambda directory: MemoryStorage(**given),
            (
                "from zodb_reference.storages import MemoryStorage, SnapshotStorage",
                f"storage = MemoryStorage({options})",
            ),
        )

    def snapshots_of(storage: Storage) -> Storage:
        return Storage(
            lambda directory: SnapshotStorage(storage.open(directory)),
            (*storage.lines, "storage = SnapshotStorage(storage)"),
        )

    plain = snapshots_of(_plain(below("resolves=False", resolves=False)))
    capabilities = CAPABILITIES - {"versions"} | {"instances", "layers"}
    opened = snapshots_of(below(""))._replace(over=layers())
    return _over("reference-snapshots", opened, capabilities, plain)


def clients() -> Target:
    """The reference over a SQLite file that several clients can have open."""
    from zodb_reference.storages import ClientStorage

    def storage(options: str, **given: Any) -> Storage:
        return Storage(
            lambda directory: ClientStorage(directory / "data.sqlite", **given),
            (
                "import tempfile",
                "from zodb_reference.storages import ClientStorage",
                "directory = tempfile.TemporaryDirectory()",
                f"storage = ClientStorage(directory.name + '/data.sqlite'{options})",
            ),
        )

    plain = _plain(storage(", resolves=False", resolves=False))

    def cut(client: Any) -> Callable[[], None]:
        client.disconnect()
        return client.reconnect  # type: ignore[no-any-return]

    lost = Cut(cut, ("storage.disconnect()", "come_back = storage.reconnect"))
    opened = storage("")._replace(over=layers(), lost=lost)
    added = {"durable", "layers", "reconnecting", "several-clients"}
    capabilities = CAPABILITIES - {"versions"} | added
    return _over("reference-clients", opened, capabilities, plain)
