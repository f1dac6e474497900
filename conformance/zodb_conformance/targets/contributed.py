"""ZODB over storages that are distributed apart from it and need no server."""

from __future__ import annotations

from zodb_conformance.targets.base import Storage, Target
from zodb_conformance.targets.zodb import BESIDE_BLOBS, SHARED, mapping, over_zodb
from zodb_conformance.targets.zodb_layers import WRAPPED


def compressed() -> Target:
    """zc.zlibstorage, which compresses records, over a FileStorage with blobs."""
    from zc.zlibstorage import ZlibStorage
    from ZODB.FileStorage import FileStorage

    storage = Storage(
        lambda directory: ZlibStorage(
            FileStorage(str(directory / "Data.fs"), blob_dir=str(directory / "blobs"))
        ),
        (
            "from zc.zlibstorage import ZlibStorage",
            *BESIDE_BLOBS,
            "storage = ZlibStorage(FileStorage(file, blob_dir=blobs))",
        ),
    )
    return over_zodb("zlib-file", storage, WRAPPED, mapping(), ("zc.zlibstorage",))


def temporary() -> Target:
    """tempstorage, which keeps in memory what is current, and for a while what was."""
    from tempstorage.TemporaryStorage import TemporaryStorage

    storage = Storage(
        lambda directory: TemporaryStorage(),
        (
            "from tempstorage.TemporaryStorage import TemporaryStorage",
            "storage = TemporaryStorage()",
        ),
    )
    capabilities = (SHARED - {"historical", "iteration", "old-revisions"}) | {"conflict-resolution"}
    return over_zodb("tempstorage", storage, capabilities, None, ("tempstorage",))
