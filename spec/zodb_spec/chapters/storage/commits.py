"""Committing, step by step: what becomes of a storage with each call of a two-phase commit.

A storage is idle, or has begun to commit one transaction, or has voted for it::

    idle --tpc_begin--> begun --tpc_vote--> voted --tpc_finish--> idle

and from begun and voted `tpc_abort` leads back to idle.  Each call names its transaction by the
object that holds the notes on it.  What follows is the model of these calls; scripts that are drawn
at random call them in every order, and read everything between.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, id_of, step
from zodb_spec.protocol.world import (
    COUNTER,
    FAILED,
    VOTED,
    Commit,
    Data,
    Name,
    Notes,
    Oid,
    Revision,
    Store,
    Tid,
    Transaction,
    World,
)


@step("protocol.new-oid", MUST, rules="STOR-18 LIFE-15")
def new_oid(world: World, oid: Oid) -> Store:
    """Every oid that `new_oid` gives is a new one: eight bytes that were neither given before nor
    stored, and not those of the root.
    """
    return world.store._replace(oids=(*world.store.oids, oid))


@step("protocol.begin", MUST, rules="STOR-1 STOR-6")
def begin(world: World, handle: Name, meta: Name, notes: Notes) -> Commit:
    """`tpc_begin` begins to commit a transaction, where none is being committed; the object that
    stood for one that was aborted may stand for another one.
    """
    return Commit(handle, meta, notes)


@step("protocol.begin-twice", MUST, rules="STOR-4", error="StorageTransactionError")
def begin_twice(world: World, meta: Name) -> bool:
    """`tpc_begin` with the transaction that is being committed is refused, and that one goes on as
    if nothing had happened.  Where it was given a tid, the call may be ignored instead.
    """
    return world.commit is not None and world.commit.meta == meta


@step("protocol.not-current", MUST, rules="STOR-2", error="StorageTransactionError")
def not_current(world: World, meta: Name) -> bool:
    """Each call of a commit, but for `tpc_abort`, is refused with a transaction that is not the one
    that is being committed, also where there is none.
    """
    return world.commit is None or world.commit.meta != meta


@step("protocol.foreign-abort", MUST, rules="STOR-3")
def foreign_abort(world: World, meta: Name) -> World:
    """`tpc_abort` with a transaction that is not the one that is being committed does nothing."""
    return world


@step("protocol.store", MUST, rules="STOR-1 STOR-20")
def store(world: World, commit: Commit, oid: Oid, data: Data) -> Commit:
    """`store` keeps a record for the transaction, which nobody sees before the end; of two for one
    object the last one counts.
    """
    return commit._replace(writes={**commit.writes, oid: world.fact(data, id_of(store))})


@step("protocol.conflict", MUST, rules="STOR-19 ISO-8 ISO-9", error="ConflictError")
def conflict(world: World, oid: Oid, serial: Tid) -> bool:
    """A record for which the current revision was not the one that is given can't be stored, but
    where the conflict is resolved: `store` is refused, or at the latest the vote is.
    """
    return world.store.serial(oid) != serial


@step("protocol.resolved", MUST, rules="ISO-22 STOR-12")
def resolved(world: World, commit: Commit, oid: Oid, data: Data, serial: Tid) -> Commit | None:
    """Where the class resolves the conflict of its objects, what it has made of the revision that
    was read, of the current one and of the new one is stored, and the vote names the object.

    None where a conflict is not to be resolved.
    """
    lineage = dict(world.store.lineage(oid))
    if world.store.resolves is False or serial not in lineage:
        return None
    old, committed = lineage[serial].value, lineage[world.store.serial(oid)].value
    if old is None or committed is None or {old.kind, committed.kind, data.kind} != {COUNTER}:
        return None
    merged = int(committed.value) + int(data.value) - int(old.value)
    after = commit._replace(resolved=commit.resolved | {oid})
    fact = world.fact(Data(COUNTER, str(merged)), id_of(resolved))
    return after._replace(writes={**commit.writes, oid: fact})


@step("protocol.delete", MUST, rules="STOR-43", needs="deletion")
def delete(world: World, commit: Commit, oid: Oid) -> Commit:
    """`deleteObject` has an object deleted with the transaction; nobody sees that before the
    end.
    """
    writes = {**commit.writes, oid: world.fact(None, id_of(delete))}
    return commit._replace(writes=writes, deleted=commit.deleted | {oid})


@step("protocol.check-current", MUST, rules="STOR-38", error="ReadConflictError POSKeyError")
def check_current(world: World, oid: Oid, serial: Tid) -> bool:
    """`checkCurrentSerialInTransaction` is refused, or the vote is, where the serial is not that of
    the current revision, or there is none.
    """
    return world.store.serial(oid) != serial


@step("protocol.vote", MUST, rules="STOR-12")
def vote(world: World, commit: Commit) -> Commit:
    """`tpc_vote` gives the oids for which a conflict was resolved, in any order and collection, or
    None where there are none; it may name what is deleted or changed by undo as well.  From then
    on the transaction can be finished.
    """
    return commit._replace(stage=VOTED)


@step("protocol.vote-again", MUST, rules="STOR-6", error="StorageTransactionError")
def vote_again(world: World) -> World:
    """To vote once more does no harm: it passes, or it is refused, and the transaction can be
    finished as before.
    """
    return world


@step("protocol.finish", MUST, rules="STOR-7 STOR-8 STOR-9 STOR-11 STOR-14 STOR-17")
def finish(world: World, commit: Commit, tid: Tid) -> Store:
    """`tpc_finish` passes for what has voted.  It gives the tid, which is later than all before it,
    after it has called the callback with the same tid, once; from then on everybody who looks sees
    everything that the transaction has stored.
    """
    writes: dict[Oid, Revision] = dict(commit.writes)
    done = Transaction(tid, commit.notes, writes)
    history = (*world.store.history, done)
    return world.store._replace(history=history, latest=id_of(finish))


@step("protocol.abort", MUST, rules="STOR-7 STOR-1")
def abort(world: World, commit: Commit) -> World:
    """`tpc_abort` passes for the transaction that is being committed, whatever has come of it; the
    storage is as if it had never been.
    """
    return world._replace(commit=None, idle=(*world.idle, commit.meta))


def failed(commit: Commit) -> Commit:
    """A commit that has failed, and can only be aborted."""
    return commit._replace(stage=FAILED)
