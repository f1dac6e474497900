"""The released ZODB over those of its storages that stand on another one, and over one of the
reference.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zodb_conformance.targets.announcing import ALONE
from zodb_conformance.targets.base import INSTANCES, Layers, Storage, Target
from zodb_conformance.targets.reference import CAPABILITIES
from zodb_conformance.targets.zodb import (
    BESIDE_BLOBS,
    KEEPING,
    RESOLVING,
    SHARED,
    layers,
    mapping,
    over_zodb,
)

LAYERED = KEEPING - {
    "deletion",
    "garbage-collection",
    "read-only",
    "record-iteration",
    "restoring",
    "serving",
}
"""What a FileStorage can still do as the changes of a DemoStorage, which refuses to collect garbage
where a storage was given to it for them.
"""

WRAPPED = (KEEPING - {"read-only"}) | {"blobs", "blob-restoring"}
"""What a FileStorage with blobs can still do in a wrapper, which nobody opens read-only."""

MOST = 1_000_000
"""More revisions than an object gets."""


def demo_over_file() -> Target:
    """A DemoStorage whose base is a FileStorage, and whose changes are in memory."""
    from ZODB.DemoStorage import DemoStorage
    from ZODB.FileStorage import FileStorage

    storage = Storage(
        lambda directory: DemoStorage(base=FileStorage(str(directory / "Base.fs"))),
        (
            "import tempfile",
            "import ZODB.DemoStorage",
            "import ZODB.FileStorage",
            "directory = tempfile.TemporaryDirectory()",
            "base = ZODB.FileStorage.FileStorage(directory.name + '/Base.fs')",
            "storage = ZODB.DemoStorage.DemoStorage(base=base)",
        ),
        over=layers(),
    )
    return over_zodb("zodb-demo-file", storage, RESOLVING | {"blobs", "layers"})


def demo_with_changes() -> Target:
    """A DemoStorage whose base and whose changes are FileStorages, the latter with blobs."""
    from ZODB.DemoStorage import DemoStorage
    from ZODB.FileStorage import FileStorage

    storage = Storage(
        lambda directory: DemoStorage(
            base=FileStorage(str(directory / "Base.fs")),
            changes=FileStorage(str(directory / "Data.fs"), blob_dir=str(directory / "blobs")),
        ),
        (
            "import ZODB.DemoStorage",
            *BESIDE_BLOBS,
            "base = FileStorage(directory.name + '/Base.fs')",
            "changes = FileStorage(file, blob_dir=blobs)",
            "storage = ZODB.DemoStorage.DemoStorage(base=base, changes=changes)",
        ),
        over=Layers(
            lambda base, directory: DemoStorage(
                base=base,
                changes=FileStorage(
                    str(directory / "Changes.fs"), blob_dir=str(directory / "blobs")
                ),
                close_base_on_close=False,
            ),
            (
                "import ZODB.DemoStorage",
                *BESIDE_BLOBS,
                "changes = FileStorage(file, blob_dir=blobs)",
                "changes.folder = directory  # which goes with them",
                "storage = ZODB.DemoStorage.DemoStorage(",
                "    base=base, changes=changes, close_base_on_close=False",
                ")",
            ),
        ),
    )
    return over_zodb("zodb-demo-changes", storage, LAYERED | {"blobs", "layers"}, mapping())


def hexadecimal() -> Target:
    """The HexStorage of ZODB's own tests, which writes records in hexadecimal, over a FileStorage
    with blobs.
    """
    from ZODB.FileStorage import FileStorage
    from ZODB.tests.hexstorage import HexStorage

    storage = Storage(
        lambda directory: HexStorage(
            FileStorage(str(directory / "Data.fs"), blob_dir=str(directory / "blobs"))
        ),
        (
            "from ZODB.tests.hexstorage import HexStorage",
            *BESIDE_BLOBS,
            "storage = HexStorage(FileStorage(file, blob_dir=blobs))",
        ),
    )
    return over_zodb("zodb-hex", storage, WRAPPED, mapping())


def snapshots() -> Target:
    """ZODB over the reference's storage that brings its own snapshots, the first instance included:
    what others of that sort are compared with.
    """
    from ZODB import POSException
    from zodb_reference.storages import MemoryStorage, SnapshotStorage

    class Instance(SnapshotStorage):
        """ZODB's IMVCCStorage has it that every instance shows one state, its histories too."""

        def history(self, oid: bytes, size: int = 1) -> list[Any]:
            entries = self._storage.history(oid, MOST)
            return [each for each in entries if each["tid"] <= self.lastTransaction()][:size]

    class Plain(Instance):
        """One that merges nothing, and undoes nothing, as the plain storages of ZODB."""

        def supportsUndo(self) -> bool:
            return False

    def over_memory(name: str, plain: Target, *, resolves: bool) -> Target:
        def open_storage(directory: Path) -> Any:
            storage = (Instance if resolves else Plain)(
                MemoryStorage(resolves=resolves, errors=POSException)
            )
            storage.poll_invalidations()  # from here on it shows what it shows now
            return storage

        lines = (
            "from ZODB import POSException",
            "from zodb_reference.storages import MemoryStorage, SnapshotStorage",
            "class Instance(SnapshotStorage):",
            "    def history(self, oid, size=1):",
            f"        entries = self._storage.history(oid, {MOST})",
            "        last = self.lastTransaction()",
            "        return [each for each in entries if each['tid'] <= last][:size]",
            "    def supportsUndo(self):",
            f"        return {resolves}",
            f"storage = Instance(MemoryStorage(resolves={resolves}, errors=POSException))",
            "told = storage.poll_invalidations()  # from here on it shows what it shows now",
        )
        offered = RESOLVING | {"undo"} if resolves else SHARED
        capabilities = offered | CAPABILITIES.intersection(ALONE) | {INSTANCES}
        storage = Storage(open_storage, lines)
        return over_zodb(name, storage, capabilities, plain, ("zodb-conformance",))

    plain = over_memory("zodb-snapshots, plain", mapping(), resolves=False)
    return over_memory("zodb-snapshots", plain, resolves=True)
