"""Restoring step by step: what becomes of a storage that is told what another one has committed.

The transaction has its tid already, and its records are not new: whatever this storage has of an
object, nobody has read it to make them.  They are on top of it from then on, and are read, undone
and packed like all others.
"""

from __future__ import annotations

from zodb_spec.chapters.storage import commits
from zodb_spec.clause import MUST, id_of, step
from zodb_spec.protocol.world import Commit, Data, Name, Notes, Oid, Store, Tid, World


@step("protocol.begin-with-tid", MUST, rules="STOR-16", needs="restoring")
def begin_with_tid(world: World, handle: Name, meta: Name, notes: Notes, tid: Tid) -> Commit:
    """`tpc_begin` takes the tid that a transaction is to have, where that is later than the last
    one: the very next, or the one of today.

    tid: what the program calls it
    """
    return Commit(handle, meta, notes, tid=tid)


@step("protocol.restore", MUST, rules="STOR-40", needs="restoring")
def restore(world: World, commit: Commit, oid: Oid, data: Data) -> Commit:
    """`restore` keeps a record for the transaction, whatever is there of the object: it is never a
    conflict, and nothing is merged.  Nobody sees it before the end; of two for one object the last
    one counts.
    """
    return commit._replace(writes={**commit.writes, oid: world.fact(data, id_of(restore))})


@step("protocol.restore-hinted", MUST, rules="STOR-40", needs="restoring")
def restore_hinted(world: World, commit: Commit, oid: Oid, data: Data) -> Commit:
    """What is restored with a hint, to an earlier transaction that is said to have the same data,
    is what is given: be it the same indeed, or something else, and also where that transaction has
    nothing of the object, or its end.
    """
    return commit._replace(writes={**commit.writes, oid: world.fact(data, id_of(restore_hinted))})


@step("protocol.restore-end", MUST, rules="STOR-40 STOR-28", needs="restoring")
def restore_end(world: World, commit: Commit, oid: Oid) -> Commit:
    """`restore` without data has the object cease to exist with the transaction."""
    return commit._replace(writes={**commit.writes, oid: world.fact(None, id_of(restore_end))})


@step("protocol.finish-with-tid", MUST, rules="STOR-16 STOR-7 STOR-9", needs="restoring")
def finish_with_tid(world: World, commit: Commit, tid: Tid) -> Store:
    """`tpc_finish` of a transaction that has begun with a tid gives that one, and calls the
    callback with it; it is the last transaction then, and all others are later.
    """
    return commits.finish(world, commit, tid)._replace(latest=id_of(finish_with_tid))
