"""The released ZODB over those of its storages that stand on another one."""

from __future__ import annotations

from zodb_conformance.targets.base import Storage, Target
from zodb_conformance.targets.zodb import BESIDE_BLOBS, KEEPING, RESOLVING, mapping, over_zodb

LAYERED = KEEPING - {"deletion", "read-only", "record-iteration", "restoring", "serving"}
"""What a FileStorage can still do as the changes of a DemoStorage."""

WRAPPED = (KEEPING - {"read-only"}) | {"blobs", "blob-restoring"}
"""What a FileStorage with blobs can still do in a wrapper, which nobody opens read-only."""


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
    )
    return over_zodb("zodb-demo-file", storage, RESOLVING | {"blobs"})


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
    )
    return over_zodb("zodb-demo-changes", storage, LAYERED | {"blobs"}, mapping())


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
