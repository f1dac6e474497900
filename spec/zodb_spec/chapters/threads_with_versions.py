"""Threads and versions: what threads owe each other in the edition of 2006."""

from __future__ import annotations

from zodb_spec.clause import MUST, example
from zodb_spec.editions import Edition, only

THEN = only(Edition.C)
"""The edition that has versions."""


@example("thread.current-reads-against-commit", MUST, rules="ISO-15", **THEN)
def current_reads_against_commit() -> None:
    """A connection without multi-version reads reads no revision that was written after its
    transaction began, and none that is not the current one: where another thread commits while it
    loads an object that is changed by that, it reads the old state, which was current still, or
    fails. What it loads when the commit has returned is not current any more, and fails.

    >>> things = [Thing(), Thing(), Thing()]
    >>> connection.root()["things"] = things
    >>> for thing in things:
    ...     thing.n = 0
    >>> tm.commit()
    >>> def write():
    ...     for thing in things:
    ...         thing.n += 1
    ...     tm.commit()
    >>> reader = opened(db, mvcc=False)
    >>> own = list(reader.root()["things"])
    >>> def read(thing):
    ...     with allowing("ReadConflictError"):
    ...         return thing.n
    ...     return "conflict"
    >>> def schedule(halt):
    ...     reader.transaction_manager.abort()
    ...     before = things[0].n
    ...     for thing in own:
    ...         thing._p_deactivate()
    ...     at_first, _ = meanwhile(lambda: [read(own[0]), read(own[1])], write, halt)
    ...     return tuple(
    ...         "old" if n == before else n for n in (*at_first, read(own[2]))
    ...     )
    >>> at_every_step(schedule) - {
    ...     ("old", "old", "conflict"),
    ...     ("old", "conflict", "conflict"),
    ...     ("conflict", "conflict", "conflict"),
    ... }
    set()
    """


@example(
    "thread.one-version-holds", MUST, rules="VER-4 VER-8", binds="storage", needs="versions", **THEN
)
def one_version_holds() -> None:
    """Where two threads commit changes of one object in two versions, one of them fails, wherever
    in its commit the first one is when the second one comes: only one version can hold the object.

    >>> names = iter(range(100))
    >>> def commit(own):
    ...     manager = own.transaction_manager
    ...     with allowing("VersionLockError", "ConflictError"):
    ...         manager.commit()
    ...         return 1
    ...     manager.abort()
    ...     return 0
    >>> def schedule(phase, place):
    ...     name, halt = f"thing {next(names)}", Halt()
    ...     connection.root()[name] = Thing()
    ...     tm.commit()
    ...     one, two = opened(db, version="one"), opened(db, version="two")
    ...     one.root()[name].version = "one"
    ...     two.root()[name].version = "two"
    ...     one.transaction_manager.get().join(Participant(place, [], **{phase: halt}))
    ...     told = meanwhile(lambda: commit(one), lambda: commit(two), halt)
    ...     return sum(told), db.modifiedInVersion(one.root()[name]._p_oid) == (
    ...         "one" if told[0] else "two"
    ...     )
    >>> {
    ...     schedule(phase, place)
    ...     for phase in ("tpc_begin", "commit", "tpc_vote", "tpc_finish")
    ...     for place in ("", chr(0x10FFFF))
    ... }
    {(1, True)}
    """


@example(
    "thread.version-ending-against-boundary", MUST, rules="VER-20 ISO-3", needs="versions", **THEN
)
def version_ending_against_boundary() -> None:
    """Where a connection passes a boundary while another thread is committing the end of a version,
    it shows all of what the version held or nothing, and all when that commit has returned: nobody
    is told of it before it is there.

    >>> things = [Thing(), Thing()]
    >>> connection.root()["things"] = things
    >>> for thing in things:
    ...     thing.n = 0
    >>> tm.commit()
    >>> reader, inside = opened(db), opened(db, version="v")
    >>> def write():
    ...     inside.sync()
    ...     for thing in inside.root()["things"]:
    ...         thing.n += 1
    ...     inside.transaction_manager.commit()
    >>> def end():
    ...     db.commitVersion("v", txn=tm.get())
    ...     tm.commit()
    >>> def seen():
    ...     return [thing.n for thing in reader.root()["things"]]
    >>> def pass_boundary():
    ...     reader.sync()
    ...     return seen()
    >>> def schedule(phase, place):
    ...     write()
    ...     before, halt = pass_boundary()[0], Halt()
    ...     reader.root()["things"][1]._p_deactivate()
    ...     tm.get().join(Participant(place, [], **{phase: halt}))
    ...     _, at_first = meanwhile(end, pass_boundary, halt)
    ...     return tuple(n - before for n in (*at_first, *pass_boundary()))
    >>> {
    ...     schedule(phase, place)
    ...     for phase in ("tpc_begin", "commit", "tpc_vote", "tpc_finish")
    ...     for place in ("", chr(0x10FFFF))
    ... } - {(0, 0, 1, 1), (1, 1, 1, 1)}
    set()
    """
