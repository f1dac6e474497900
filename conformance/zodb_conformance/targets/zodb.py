"""The released ZODB as a target, over those of its own storages that stand alone."""

from __future__ import annotations

from typing import Any

from zodb_conformance.targets.base import Connections, Layers, Storage, Target, over

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
KEEPING = RESOLVING | {
    "deletion",
    "durable",
    "read-only",
    "record-iteration",
    "restoring",
    "serving",
    "undo",
}
"""What a FileStorage can do."""

DISTRIBUTIONS = ("ZODB", "BTrees", "zodbpickle", "zope.interface")

BESIDE_BLOBS = (
    "import tempfile",
    "from ZODB.FileStorage import FileStorage",
    "directory = tempfile.TemporaryDirectory()",
    "file, blobs = directory.name + '/Data.fs', directory.name + '/blobs'",
)
"""The lines with which one begins that has blobs."""


def connections() -> Connections:
    """ZODB's ``DB``."""
    from ZODB import DB
    from ZODB.blob import Blob

    return Connections("ZODB.DB", DB, ("import ZODB", "db = ZODB.DB(storage)"), {"Blob": Blob})


def over_zodb(
    name: str,
    storage: Storage,
    capabilities: frozenset[str],
    plain: Target | None = None,
    distributions: tuple[str, ...] = (),
) -> Target:
    """ZODB over some storage, which may come from other distributions."""
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
        distributions=(*distributions, *DISTRIBUTIONS),
        plain=plain,
    )


def mapping() -> Target:
    """ZODB over its MappingStorage, in memory; it does not resolve conflicts."""
    from ZODB.MappingStorage import MappingStorage

    storage = Storage(
        lambda directory: MappingStorage(),
        ("import ZODB.MappingStorage", "storage = ZODB.MappingStorage.MappingStorage()"),
    )
    return over_zodb("zodb-mapping", storage, SHARED)


def file() -> Target:
    """ZODB over a FileStorage."""
    from ZODB.FileStorage import FileStorage

    def storage(options: str, **given: Any) -> Storage:
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
    return over_zodb("zodb-file", opened, KEEPING, mapping())


def file_with_blobs() -> Target:
    """ZODB over a FileStorage that keeps blobs as well."""
    from ZODB.FileStorage import FileStorage

    def storage(options: str, **given: Any) -> Storage:
        return Storage(
            lambda directory: FileStorage(
                str(directory / "Data.fs"), blob_dir=str(directory / "blobs"), **given
            ),
            (
                *BESIDE_BLOBS,
                f"storage = FileStorage(file, blob_dir=blobs{options})",
            ),
        )

    opened = storage("")._replace(read_only=storage(", read_only=True", read_only=True))
    return over_zodb("zodb-file-blobs", opened, KEEPING | {"blobs", "blob-restoring"}, mapping())


def mvcc_mapping() -> Target:
    """ZODB over the MVCCMappingStorage of its own tests, whose instances bring snapshots of their
    own.
    """
    from ZODB.tests.MVCCMappingStorage import MVCCMappingStorage

    storage = Storage(
        lambda directory: MVCCMappingStorage(),
        (
            "from ZODB.tests.MVCCMappingStorage import MVCCMappingStorage",
            "storage = MVCCMappingStorage()",
        ),
    )
    return over_zodb("zodb-mvcc-mapping", storage, SHARED | {"instances"})


def layers() -> Layers:
    """A DemoStorage over any other one, with its changes in memory."""
    from ZODB.DemoStorage import DemoStorage

    lines = (
        "import ZODB.DemoStorage",
        "storage = ZODB.DemoStorage.DemoStorage(base=base, close_base_on_close=False)",
    )
    return Layers(lambda base, _: DemoStorage(base=base, close_base_on_close=False), lines)


def demo() -> Target:
    """ZODB over a DemoStorage in memory."""
    from ZODB.DemoStorage import DemoStorage

    storage = Storage(
        lambda directory: DemoStorage(),
        ("import ZODB.DemoStorage", "storage = ZODB.DemoStorage.DemoStorage()"),
        over=layers(),
    )
    return over_zodb("zodb-demo", storage, RESOLVING | {"blobs", "layers"})
