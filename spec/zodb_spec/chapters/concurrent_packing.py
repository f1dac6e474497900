"""Packing while other threads work: they read and commit as ever.

A pack removes what nobody needs any more, and may take long. So it does not keep others from
working, and what they need meanwhile stays, or they are told to try again.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example


@example(
    "thread.loading-against-pack", MUST, rules="STOR-67 STOR-49", binds="storage", needs="pack"
)
def loading_against_pack() -> None:
    """Where another thread commits a change of an object and packs the database while a connection
    loads that object, the connection loads the state that belongs to the state it shows, or fails
    with an error after which it tries again, since that state is gone. Behind its next boundary it
    loads the new state, and the pack has left nothing else to be found.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n = 0
    >>> tm.commit()
    >>> reader = opened(db)
    >>> own = reader.root()["thing"]
    >>> def write_and_pack():
    ...     thing.n += 1
    ...     tm.commit()
    ...     db.pack()
    >>> def read():
    ...     with allowing("ReadConflictError"):
    ...         return own.n
    >>> def schedule(halt):
    ...     before = thing.n
    ...     reader.sync()
    ...     own._p_deactivate()
    ...     at_first, _ = meanwhile(read, write_and_pack, halt)
    ...     reader.sync()
    ...     return at_first in (before, None), own.n - before
    >>> at_every_step(schedule)
    {(True, 1)}
    """


@example(
    "thread.packing-against-commit",
    MUST,
    rules="STOR-67",
    binds="storage",
    needs="pack raw-records",
)
def packing_against_commit() -> None:
    """Where another thread commits while a pack is under way, nothing of what it commits is lost,
    neither changes nor new objects. The places at which the other thread comes in are before and
    after the pack, and where it asks for the references in a record.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n = 0
    >>> tm.commit()
    >>> def write():
    ...     thing.n += 1
    ...     thing.new = Thing()
    ...     thing.new.n = thing.n
    ...     tm.commit()
    >>> def schedule(place, callback):
    ...     write()
    ...     before = thing.n
    ...     meanwhile(db.pack, write, place(db.storage, "pack", callback=callback))
    ...     seen = opened(db).root()["thing"]
    ...     return seen.n - before, seen.new.n - before
    >>> {schedule(place, callback) for place in (Before, After) for callback in (False, True)}
    {(1, 1)}
    """
