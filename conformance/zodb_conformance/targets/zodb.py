"""The released ZODB as a target, over three of its own storages."""

from __future__ import annotations

from zodb_conformance.targets.base import Connections, Storage, Target, over

SHARED = frozenset(
    {
        "several-databases",
        "iteration",
        "old-revisions",
        "raw-records",
        "class-factory",
        "persistent-classes",
        "cache-reset",
        "connection-function",
        "large-record-warning",
        "references",
        "pack",
        "garbage-collection",
        "history",
        "historical",
    }
)
RESOLVING = SHARED | {"conflict-resolution"}
DISTRIBUTIONS = ("ZODB", "BTrees", "zodbpickle", "zope.interface")


def connections() -> Connections:
    """ZODB's ``DB``."""
    from ZODB import DB

    return Connections("ZODB.DB", DB, ("import ZODB", "db = ZODB.DB(storage)"))


def _over(
    name: str, storage: Storage, capabilities: frozenset[str], plain: Target | None = None
) -> Target:
    from ZODB.Connection import resetCaches
    from ZODB.DB import connection
    from ZODB.persistentclass import PersistentMetaClass

    return over(
        name,
        connections(),
        storage,
        level="connection",
        capabilities=capabilities,
        extras={
            "PersistentMetaClass": PersistentMetaClass,
            "connect": connection,
            "resetCaches": resetCaches,
        },
        distributions=DISTRIBUTIONS,
        plain=plain,
    )


def mapping() -> Target:
    """ZODB over its MappingStorage, in memory; it does not resolve conflicts."""
    from ZODB.MappingStorage import MappingStorage

    storage = Storage(
        lambda directory: MappingStorage(),
        ("import ZODB.MappingStorage", "storage = ZODB.MappingStorage.MappingStorage()"),
    )
    return _over("zodb-mapping", storage, SHARED)


def file() -> Target:
    """ZODB over a FileStorage."""
    from ZODB.FileStorage import FileStorage

    def storage(options: str, **given: bool) -> Storage:
        return Storage(
            lambda directory: FileStorage(str(directory / "Data.fs"), **given),
            (
                "import tempfile",
                "import ZODB.FileStorage",
                "directory = tempfile.TemporaryDirectory()",
                f"storage = ZODB.FileStorage.FileStorage(directory.name + '/Data.fs'{options})",
            ),
        )

    opened = storage("")._replace(read_only=storage(", read_only=True", read_only=True))
    capabilities = {
        "deletion",
        "durable",
        "read-only",
        "record-iteration",
        "restoring",
        "serving",
        "undo",
    }
    return _over("zodb-file", opened, RESOLVING | capabilities, mapping())


def demo() -> Target:
    """ZODB over a DemoStorage in memory."""
    from ZODB.DemoStorage import DemoStorage

    storage = Storage(
        lambda directory: DemoStorage(),
        ("import ZODB.DemoStorage", "storage = ZODB.DemoStorage.DemoStorage()"),
    )
    return _over("zodb-demo", storage, RESOLVING)
