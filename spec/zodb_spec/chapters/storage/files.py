"""Files, step by step: what becomes of a blob, which has a file beside its record.

The record is the same for all blobs, and all of its revisions: what tells them apart is in the
file.  Whatever becomes of a revision becomes of its file.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, id_of, step
from zodb_spec.protocol.world import BLOB, Commit, Data, Oid, Store, Tid, World


@step("protocol.store-blob", MUST, rules="STOR-61 STOR-20", needs="blobs")
def store_blob(world: World, commit: Commit, oid: Oid, held: str) -> Commit:
    """`storeBlob` keeps a record and a file for the transaction, which nobody sees before the end;
    of two for one object the last one counts.

    held: what is in the file, as Python text
    """
    fact = world.fact(Data(BLOB, held), id_of(store_blob))
    return commit._replace(writes={**commit.writes, oid: fact})


@step("protocol.load-blob", MUST, rules="STOR-61 STOR-62", needs="blobs")
def load_blob(store: Store, oid: Oid) -> str | None:
    """`loadBlob` gives the name of a file that holds what the revision holds: that which was
    stored with it, or to which it was brought back.

    None where the current revision is not that of a blob
    """
    return _held(store, oid, store.serial(oid))


@step("protocol.open-blob", MUST, rules="STOR-61 STOR-62", needs="blobs old-revisions")
def open_blob(store: Store, oid: Oid, tid: Tid) -> str | None:
    """`openCommittedBlobFile` gives the file of every revision that there is, the current one and
    earlier ones, open for reading.

    None where it is not that of a blob
    """
    return _held(store, oid, tid)


@step("protocol.blob-missing", MUST, rules="STOR-61 STOR-62", error="POSKeyError", needs="blobs")
def is_missing(held: str | None) -> bool:
    """`loadBlob` and `openCommittedBlobFile` fail for an object that there is not, for what is no
    blob, and for a revision in which the blob was deleted, or its creation undone.
    """
    return held is None


def _held(store: Store, oid: Oid, tid: Tid) -> str | None:
    found = dict(store.lineage(oid)).get(tid)
    if found is None or found.value is None or found.value.kind != BLOB:
        return None
    return found.value.value
