"""The two phases of a commit, as operations on a storage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from zodb_spec.chapters.storage import commits, restorations
from zodb_spec.clause import clauses, id_of
from zodb_spec.operation import Argument, Outcome, Raised, operation, refused
from zodb_spec.operations.choices import fresh
from zodb_spec.protocol import choices
from zodb_spec.protocol.world import (
    BEGUN,
    BLOB,
    COUNTER,
    FAILED,
    NEVER,
    PASSES,
    ROOT,
    STORAGE,
    VOTED,
    Commit,
    Name,
    Notes,
    Oid,
    Shows,
    World,
)

Outcomes = Sequence[Outcome]
WRITER = Argument("handle", choices.writers)
HANDLE = Argument("handle", choices.committing)
RUNNING = Argument("transaction", choices.running)
STRANGER = Argument("transaction", choices.strangers)
OID = Argument("oid", choices.oids)
STORED = Argument("oid", choices.stored_oids)
SERIAL = Argument("serial", choices.serial_words)
MOST_OIDS = 8

declared = partial(operation, part="storage")


def passes(world: World, clause: Callable[..., Any], shows: Shows = PASSES) -> Outcome:
    """The outcome in which a call passes."""
    return Outcome(world, shows, id_of(clause))


def number(name: Name) -> str:
    """The number of a name."""
    return name.lstrip("abcdefghijklmnopqrstuvwxyz")


def is_running(world: World, handle: Name, meta: Name, *stages: str) -> bool:
    """Whether a transaction is being committed by a handle, in one of some stages."""
    commit = world.commit
    return (
        commit is not None
        and (commit.handle, commit.meta) == (handle, meta)
        and (commit.stage in (stages or (BEGUN,)))
    )


def oid_is_new(world: World, oid: Oid) -> bool:
    """Whether an oid can be given that name."""
    return oid not in world.store.known() and len(world.store.oids) < MOST_OIDS


@declared(
    fresh("oid"),
    line=lambda world, oid: f"{oid} = {STORAGE}.new_oid()",
    sensible=oid_is_new,
    weight=4,
)
def new_oid(world: World, oid: Oid) -> Outcomes:
    """Have a new oid given."""
    return given_oid(world, oid)


def given_oid(world: World, oid: Oid) -> Outcomes:
    """The outcomes where an oid is given, by whichever handle."""
    known = ", ".join(dict.fromkeys((ROOT, *world.store.oids)))
    shows = Shows(f"(len({oid}), {oid} in ({known},))", "(8, False)")
    return [passes(world._replace(store=commits.new_oid(world, oid)), commits.new_oid, shows)]


def notes(meta: Name) -> Notes:
    """What a storage is told of the transaction for which something stands, by its name."""
    if meta.startswith("noted"):
        given = f"b'user {number(meta)}'", f"b'note {number(meta)}'"
        return Notes(*given, f"{{'reason': ['noted', {number(meta)}]}}")
    return Notes("b''", f"b'note {number(meta)}'", "{}")


def can_begin(world: World, handle: Name, meta: Name) -> bool:
    """Whether a handle can begin to commit with something new."""
    return world.commit is None and handle in world.handles and meta not in world.idle


def _begun(world: World, handle: Name, meta: Name) -> Outcomes:
    commit = commits.begin(world, handle, meta, notes(meta))
    idle = tuple(each for each in world.idle if each != meta)
    return [passes(world._replace(commit=commit, idle=idle), commits.begin)]


def _beginning(world: World, handle: Name, meta: Name) -> str:
    return f"{meta} = {notes(meta).made}; {handle}.tpc_begin({meta})"


@declared(WRITER, fresh("meta"), line=_beginning, sensible=can_begin, weight=9)
def tpc_begin(world: World, handle: Name, meta: Name) -> Outcomes:
    """Begin to commit a new transaction."""
    return _begun(world, handle, meta)


@declared(WRITER, fresh("noted"), line=_beginning, sensible=can_begin, weight=3)
def begin_noted(world: World, handle: Name, meta: Name) -> Outcomes:
    """Begin to commit a new transaction, and tell by whom, what for, and more."""
    return _begun(world, handle, meta)


@declared(
    WRITER,
    Argument("transaction", lambda world, handle: world.idle[-1:]),
    line=lambda world, handle, meta: f"{handle}.tpc_begin({meta})",
    sensible=lambda world, handle, meta: (
        world.commit is None and handle in world.handles and meta in world.idle
    ),
    weight=2,
)
def begin_again(world: World, handle: Name, meta: Name) -> Outcomes:
    """Begin with what has stood for a transaction that was aborted."""
    return _begun(world, handle, meta)


@declared(
    HANDLE,
    RUNNING,
    line=lambda world, handle, meta: f"{handle}.tpc_begin({meta})",
    sensible=is_running,
)
def begin_twice(world: World, handle: Name, meta: Name) -> Outcomes:
    """Begin with the transaction that is being committed."""
    commits.begin_twice(world, meta)
    after = spared(world, id_of(commits.begin_twice))
    ignored = [passes(after, commits.begin_twice)] if choices.own(world, meta).tid else []
    return [refused(after, commits.begin_twice), *ignored]


def spared(world: World, clause: str) -> World:
    """The world in which a call has left the transaction alone that is being committed, as the
    clause with an id says.

    Once a call was refused, what is lost may be lost by that, whatever comes after it.
    """
    if world.commit is None or world.commit.spared == REFUSALS_SPARE:
        return world
    return world._replace(commit=world.commit._replace(spared=clause))


CALLS = {
    "store": f"{STORAGE}.store({ROOT}, z64, content('lost'), '', %s)",
    "tpc_vote": f"{STORAGE}.tpc_vote(%s)",
    "tpc_finish": f"{STORAGE}.tpc_finish(%s, lambda tid: None)",
    "checkCurrentSerialInTransaction": (
        f"{STORAGE}.checkCurrentSerialInTransaction({ROOT}, z64, %s)"
    ),
}
"""The calls that need the transaction that is being committed."""

REFUSALS_SPARE = "storage.refusal-spares-the-current"
"""The clause that says what becomes of that one where another is refused; which is less than the
one that has it refused says, since not everybody loses by it.
"""


@declared(
    Argument("call", lambda world: tuple(CALLS)),
    STRANGER,
    line=lambda world, call, meta: CALLS[call] % meta,
    sensible=lambda world, call, meta: (
        call in CALLS
        and meta in choices.strangers(world)
        and (world.commit is None or world.commit.handle == STORAGE)
    ),
    weight=2,
)
def call_as_stranger(world: World, call: str, meta: Name) -> Outcomes:
    """Make a call of a commit with a transaction that is not being committed."""
    commits.not_current(world, meta)
    return [refused(spared(world, REFUSALS_SPARE), commits.not_current)]


@declared(
    STRANGER,
    line=lambda world, meta: f"{STORAGE}.tpc_abort({meta})",
    sensible=lambda world, meta: (
        meta in choices.strangers(world)
        and (world.commit is None or world.commit.handle == STORAGE)
    ),
)
def abort_as_stranger(world: World, meta: Name) -> Outcomes:
    """Abort a transaction that is not being committed."""
    after = spared(commits.foreign_abort(world, meta), id_of(commits.foreign_abort))
    return [passes(after, commits.foreign_abort)]


# The first phase.


def asked(world: World, oid: Oid, word: str) -> str:
    """The serial that a word stands for, as Python text."""
    found = choices.serial(world, oid, word)
    assert found is not None, "it was looked whether there is one"
    return found


def can_be_written(world: World, handle: Name, meta: Name, oid: Oid, word: str) -> bool:
    """Whether it is decided what comes of it that a transaction writes an object.

    A serial that nobody gave says nothing where nothing is stored.  What a transaction has merged,
    deleted or brought back, it leaves alone; and one that was given its tid only restores.
    """
    if not is_running(world, handle, meta) or oid not in world.store.known():
        return False
    commit = world.commit
    if commit is None or commit.tid or oid in commit.resolved | commit.deleted | commit.undone:
        return False
    if choices.serial(world, oid, word) is None:
        return False
    return word in ("current", NEVER) or world.store.current(oid) is not None


def _is_mixed(world: World, oid: Oid, serial: str, data: str) -> bool:
    """Whether a conflict could be resolved by the class of a record, between others that are of
    another class: what comes of that is up to the class.
    """
    if data != COUNTER or not commits.conflict(world, oid, asked(world, oid, serial)):
        return False
    return any(
        revision.value is not None and revision.value.kind != COUNTER
        for _, revision in world.store.lineage(oid)
    )


def is_blob(world: World, oid: Oid) -> bool:
    """Whether an object is stored with a file."""
    data = [] if world.commit is None else [world.commit.writes.get(oid)]
    kinds = {each.value.kind for each in data if each is not None and each.value is not None}
    return BLOB in kinds | choices.kinds(world.store, oid)


def doubted(commit: Commit, clause: Callable[..., Any]) -> Commit:
    """A commit whose vote may be refused by a clause."""
    return commit._replace(doubts=_with(commit.doubts, clause))


def _with(known: tuple[str, ...], clause: Callable[..., Any]) -> tuple[str, ...]:
    """Some clauses and another one, each of them once."""
    return tuple(dict.fromkeys((*known, id_of(clause))))


def unstored(world: World, commit: Commit, clause: Callable[..., Any], error: Outcome) -> Outcomes:
    """The outcomes of a call with which a transaction can't be stored any more: it is refused at
    once, or else the vote will be.
    """
    later = commit._replace(refusals=_with(commit.refusals, clause))
    return [
        error._replace(world=world._replace(commit=commits.failed(commit))),
        passes(world._replace(commit=later), clause),
    ]


@declared(
    HANDLE,
    RUNNING,
    OID,
    SERIAL,
    Argument("data", choices.data_words),
    line=lambda world, handle, meta, oid, serial, data: (
        f"{handle}.store({oid}, {asked(world, oid, serial)}, "
        f"{choices.data(world, oid, data).made}, '', {meta})"
    ),
    sensible=lambda world, handle, meta, oid, serial, data: (
        can_be_written(world, handle, meta, oid, serial)
        and not _is_mixed(world, oid, serial, data)
        and not is_blob(world, oid)
    ),
    weight=30,
)
def store(world: World, handle: Name, meta: Name, oid: Oid, serial: str, data: str) -> Outcomes:
    """Store a record."""
    commit = choices.own(world, meta)
    given, made = asked(world, oid, serial), choices.data(world, oid, data)
    if not commits.conflict(world, oid, given):
        return [
            passes(world._replace(commit=commits.store(world, commit, oid, made)), commits.store)
        ]
    merged = commits.resolved(world, commit, oid, made, given)
    refusals = unstored(world, commit, commits.conflict, refused(world, commits.conflict))
    if merged is None:
        return refusals
    if world.store.resolves:
        return [passes(world._replace(commit=merged), commits.resolved)]
    passing = passes(world._replace(commit=doubted(merged, commits.conflict)), commits.resolved)
    return [passing, *refusals[:1]]


@declared(
    HANDLE,
    RUNNING,
    STORED,
    SERIAL,
    line=lambda world, handle, meta, oid, serial: (
        f"{handle}.deleteObject({oid}, {asked(world, oid, serial)}, {meta})"
    ),
    sensible=lambda world, handle, meta, oid, serial: (
        can_be_written(world, handle, meta, oid, serial)
        and oid != ROOT
        and exists(world, oid)
        and oid not in choices.own(world, meta).writes
    ),
    weight=3,
    needs="deletion",
)
def delete_object(world: World, handle: Name, meta: Name, oid: Oid, serial: str) -> Outcomes:
    """Delete an object."""
    commit = choices.own(world, meta)
    if commits.conflict(world, oid, asked(world, oid, serial)):
        return unstored(world, commit, commits.conflict, refused(world, commits.conflict))
    return [passes(world._replace(commit=commits.delete(world, commit, oid)), commits.delete)]


def exists(world: World, oid: Oid) -> bool:
    """Whether there is an object to be loaded."""
    found = world.store.current(oid)
    return found is not None and found[1].value is not None


@declared(
    HANDLE,
    RUNNING,
    OID,
    SERIAL,
    line=lambda world, handle, meta, oid, serial: (
        f"{handle}.checkCurrentSerialInTransaction({oid}, {asked(world, oid, serial)}, {meta})"
    ),
    sensible=lambda world, handle, meta, oid, serial: (
        is_running(world, handle, meta)
        and oid in world.store.known()
        and not choices.own(world, meta).tid
        and exists(world, oid)
        and choices.serial(world, oid, serial) is not None
    ),
    weight=4,
)
def check_current(world: World, handle: Name, meta: Name, oid: Oid, serial: str) -> Outcomes:
    """Have it made sure that a revision is, and stays, the current one."""
    commit = choices.own(world, meta)
    if commits.check_current(world, oid, asked(world, oid, serial)):
        error = refused(world, commits.check_current)
        return unstored(world, commit, commits.check_current, error)
    return [passes(world, commits.check_current)]


# The end.


@declared(
    HANDLE,
    RUNNING,
    line=lambda world, handle, meta: f"resolved{world.step} = set({handle}.tpc_vote({meta}) or ())",
    sensible=is_running,
    weight=14,
)
def tpc_vote(world: World, handle: Name, meta: Name) -> Outcomes:
    """Vote."""
    commit = choices.own(world, meta)
    refusals = [
        Outcome(world._replace(commit=commits.failed(commit)), Raised(clauses()[id].error), id)
        for id in dict.fromkeys((*commit.refusals, *commit.doubts))
    ]
    if commit.refusals:
        return refusals
    told = f"resolved{world.step}"
    unsaid = commit.deleted | commit.undone
    if unsaid:
        told = f"{told} - {_set_of(unsaid)}"
    shows = Shows(told, _set_of(commit.resolved))
    after = world._replace(commit=commits.vote(world, commit))
    return [passes(after, commits.vote, shows), *refusals]


def _set_of(oids: frozenset[Oid]) -> str:
    return f"{{{', '.join(sorted(oids))}}}" if oids else "set()"


@declared(
    HANDLE,
    Argument("transaction", choices.voted),
    line=lambda world, handle, meta: f"{handle}.tpc_vote({meta})",
    sensible=lambda world, handle, meta: is_running(world, handle, meta, VOTED),
)
def vote_again(world: World, handle: Name, meta: Name) -> Outcomes:
    """Vote once more."""
    after = spared(commits.vote_again(world), id_of(commits.vote_again))
    return [passes(after, commits.vote_again), refused(after, commits.vote_again)]


@declared(
    HANDLE,
    Argument("transaction", choices.voted),
    fresh("tid"),
    line=lambda world, handle, meta, tid: (
        f"told{number(tid)} = []; {tid} = {handle}.tpc_finish({meta}, told{number(tid)}.append)"
    ),
    sensible=lambda world, handle, meta, tid: (
        is_running(world, handle, meta, VOTED)
        and bool(choices.own(world, meta).writes)
        and tid not in world.store.tids
    ),
    weight=20,
)
def tpc_finish(world: World, handle: Name, meta: Name, tid: Name) -> Outcomes:
    """Finish what has voted."""
    commit = choices.own(world, meta)
    told, finish = f"told{number(tid)}", restorations.finish_with_tid
    shows = Shows(f"({told}, {tid})", f"([{commit.tid}], {commit.tid})")
    if not commit.tid:
        finish = commits.finish
        shows = Shows(f"({told}, {tid} > {world.store.last})", f"([{tid}], True)")
    after = world._replace(store=finish(world, commit, tid), commit=None)
    return [passes(_heard(after, handle), finish, shows)]


@declared(
    HANDLE,
    Argument("transaction", lambda world, handle: (choices.own(world, _meta(world)).meta,)),
    line=lambda world, handle, meta: f"{handle}.tpc_abort({meta})",
    sensible=lambda world, handle, meta: is_running(world, handle, meta, BEGUN, VOTED, FAILED),
    weight=4,
)
def tpc_abort(world: World, handle: Name, meta: Name) -> Outcomes:
    """Abort what is being committed."""
    after = commits.abort(world, choices.own(world, meta))
    return [passes(_at_rest(after, handle), commits.abort)]


def _heard(world: World, handle: Name) -> World:
    """The world in which a handle has finished a commit, which the others have yet to hear of: of
    deletions they need not.
    """
    *_, last = world.store.history
    written = sorted(oid for oid, found in last.revisions.items() if found.value is not None)
    near = {handle, STORAGE} if world.handles[handle].is_instance else {handle}
    news = ((last.tid, tuple(written)),) if written else ()
    handles = {
        name: found
        if found.is_instance
        else found._replace(snapshot=last.tid)
        if name in near
        else found._replace(told=(*found.told, *news))
        for name, found in world.handles.items()
    }
    return _at_rest(world._replace(handles=handles), handle)


def _at_rest(world: World, handle: Name) -> World:
    """The world in which a handle has come to the end of a commit: what an instance shows before it
    has looked again is its own matter.
    """
    found = world.handles[handle]
    if not found.is_instance:
        return world
    return world._replace(handles={**world.handles, handle: found._replace(snapshot=None)})


def _meta(world: World) -> Name:
    assert world.commit is not None, "its handle was chosen before"
    return world.commit.meta
