"""Undo and garbage: what was undone may be garbage, and what can be brought back is none.

A storage may keep the data of an undo where they were before. That is its own matter: what an undo
has brought back counts as stored when it was undone.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example


@example("storage.gc-undone-creations", MUST, rules="STOR-53 STOR-46", needs="pack undo")
def gc_undone_creations() -> None:
    """Of an object whose creation was undone, a pack for a later time leaves nothing.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (z64, z64, content("root", one)))
    >>> second = commit(storage, (one, z64, content(1)), (two, z64, content(2)))
    >>> _ = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> third = commit(storage, (z64, first, content("changed")))
    >>> storage.pack(pause(), oids_in)
    >>> values_of(storage, z64, one, two), kept(storage, one, second), kept(storage, two, second)
    (['changed', None, None], [None], [None])
    """


@example(
    "storage.gc-spares-what-can-be-undone",
    MUST,
    rules="STOR-46 STOR-51",
    needs="garbage-collection undo",
)
def gc_spares_what_can_be_undone() -> None:
    """To undo what was done after the time of the pack brings back what was there, with all that
    it leads to: the pack has left it.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(
    ...     storage,
    ...     (z64, z64, content("here", one)),
    ...     (one, z64, content(1, two)),
    ...     (two, z64, content(2)),
    ... )
    >>> then = pause()
    >>> second = commit(storage, (z64, first, content("nowhere")))
    >>> storage.pack(then, oids_in)
    >>> _ = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> values_of(storage, z64), kept(storage, one, first), kept(storage, two, first)
    (['here'], [1], [2])
    """


@example(
    "storage.gc-spares-what-was-undone",
    MUST,
    rules="STOR-46 STOR-51",
    needs="garbage-collection undo",
)
def gc_spares_what_was_undone() -> None:
    """What an undo has brought back stays, though at the time of the pack nothing led to it: the
    data of the undo may be kept where they were before, but they count as later.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(
    ...     storage,
    ...     (z64, z64, content("here", one)),
    ...     (one, z64, content(1, two)),
    ...     (two, z64, content(2)),
    ... )
    >>> second = commit(storage, (z64, first, content("nowhere")))
    >>> then = pause()
    >>> _ = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> storage.pack(then, oids_in)
    >>> values_of(storage, z64), kept(storage, one, first), kept(storage, two, first)
    (['here'], [1], [2])
    >>> _ = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> values_of(storage, z64)
    ['nowhere']
    """


@example("storage.gc-among-undos", MUST, rules="STOR-46 STOR-47", needs="garbage-collection undo")
def gc_among_undos() -> None:
    """Where something was undone again and again, to pack for one of the times in between changes
    nothing of what is current, whatever it takes away of what an undo has brought back its data
    from.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(
    ...     storage,
    ...     (z64, z64, content("to one", one)),
    ...     (one, z64, content(1)),
    ...     (two, z64, content(2)),
    ... )
    >>> second = commit(storage, (z64, first, content("to two", two)))
    >>> times, seen = [], []
    >>> for _ in range(5):
    ...     _ = undo(storage, storage.undoLog(0, 1)[0]["id"])
    ...     times.append(pause())
    >>> for then in times:
    ...     storage.pack(then, oids_in)
    ...     seen += values_of(storage, z64) + kept(storage, one, first)
    >>> seen == ["to one", 1] * 5
    True
    """
