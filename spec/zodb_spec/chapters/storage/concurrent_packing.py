"""Packing while others work.

A pack may take long, so others read and commit meanwhile. They notice nothing of it but that it
may keep them waiting for a moment; and what they commit is later than the pack, however early in
it they come.

The places at which others come in are those at which a pack asks for the references of a record,
and those before and after it; a storage that asks elsewhere, as a server does, is met there only.
"""

from __future__ import annotations

from zodb_spec.clause import MAY, MUST, SHOULD, example


@example("storage.pack-lets-others-read", MUST, rules="STOR-67", needs="pack")
def pack_lets_others_read() -> None:
    """Who reads while a pack is under way finds what is current, as ever.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> tid = commit(
    ...     storage,
    ...     (z64, z64, content("root", one)),
    ...     (one, z64, content(1, two)),
    ...     (two, z64, content(2)),
    ... )
    >>> reader = beside(storage)
    >>> def read():
    ...     loaded = [newest(reader).load(oid) for oid in (z64, one, two)]
    ...     before = [reader.loadBefore(oid, next_tid(loaded[0][1])) for oid in (z64, one, two)]
    ...     return [found[:2] for found in before] == loaded and values_of(reader, z64, one, two)
    >>> def schedule(value):
    ...     tid = commit(storage, (z64, newest(storage).load(z64)[1], content("root", one)))
    ...     now, halt = pause(), Halt()
    ...     def references(data, oids=None):
    ...         if value_in(data) == value:
    ...             halt()
    ...         return oids_in(data, oids)
    ...     return meanwhile(lambda: storage.pack(now, references), read, halt)[1]
    >>> [schedule(value) for value in ("root", 1, 2, "after")] == [["root", 1, 2]] * 4
    True
    """


@example("storage.pack-keeps-what-comes-meanwhile", MUST, rules="STOR-67", needs="pack")
def pack_keeps_what_comes_meanwhile() -> None:
    """What is committed while a pack is under way is kept: what has changed, and what is new. What
    it was made from is there as long as that is current.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> tid = commit(
    ...     storage,
    ...     (z64, z64, content("root", one)),
    ...     (one, z64, content(1, two)),
    ...     (two, z64, content(2)),
    ... )
    >>> tid = commit(storage, (z64, tid, content("root", one)))
    >>> writer = beside(storage)
    >>> def schedule(value):
    ...     now, halt, new = pause(), Halt(), [storage.new_oid() for _ in range(2)]
    ...     def references(data, oids=None):
    ...         if value_in(data) == value:
    ...             halt()
    ...         return oids_in(data, oids)
    ...     def write():
    ...         tids = [newest(writer).load(oid)[1] for oid in (z64, two)]
    ...         return commit(
    ...             writer,
    ...             (z64, tids[0], content("root", one, new[0])),
    ...             (two, tids[1], content(2)),
    ...             (new[0], z64, content("new", new[1])),
    ...             (new[1], z64, content("newer")),
    ...         )
    ...     _, tid = meanwhile(lambda: storage.pack(now, references), write, halt)
    ...     tids = [newest(storage).load(oid)[1] for oid in (z64, two, *new)]
    ...     return values_of(storage, z64, one, two, *new), tids == [tid] * 4
    >>> wanted = ["root", 1, 2, "new", "newer"], True
    >>> [schedule(value) == wanted for value in ("root", 1, 2, "after")]
    [True, True, True, True]
    """


@example(
    "storage.pack-keeps-what-is-reached-meanwhile",
    MUST,
    rules="STOR-67 STOR-46",
    needs="garbage-collection",
)
def pack_keeps_what_is_reached_meanwhile() -> None:
    """What was garbage when the pack began, and is found a place by what somebody commits while it
    is under way, is kept: what is committed would lead nowhere otherwise. Where the commit has to
    wait for the end of the pack, the object is gone before.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> tid = commit(
    ...     storage,
    ...     (z64, z64, content("root")),
    ...     (one, z64, content(1, two)),
    ...     (two, z64, content(2)),
    ... )
    >>> writer = beside(storage)
    >>> now, halt, order = pause(), Halt(), []
    >>> def references(data, oids=None):
    ...     halt()
    ...     order.append("packing goes on")
    ...     return oids_in(data, oids)
    >>> def write():
    ...     order.append(commit(writer, (z64, tid, content("found", one))))
    >>> _ = meanwhile(lambda: storage.pack(now, references), write, halt)
    >>> is_meanwhile = order[-1] == "packing goes on"
    >>> values_of(storage, z64, one, two) == ["found", 1, 2] or not is_meanwhile
    True
    """


@example("storage.pack-beside-a-commit", MUST, rules="STOR-67 STOR-5", needs="pack")
def pack_beside_a_commit() -> None:
    """A pack and a commit that is under way don't stand in each other's way for ever, wherever the
    commit is: both come to their ends, and what is committed is kept, with all it refers to.

    >>> one, two, tid = storage.new_oid(), storage.new_oid(), z64
    >>> tid = commit(storage, (z64, z64, content("root", one)), (one, z64, content(1)))
    >>> writer = beside(storage)
    >>> def schedule(place):
    ...     serial, new = newest(storage).load(one)[1], storage.new_oid()
    ...     now, halt, meta = pause(), Halt(), metadata()
    ...     def write():
    ...         newest(writer).tpc_begin(meta)
    ...         halt() if place == "begun" else None
    ...         writer.store(one, serial, content(place, new), "", meta)
    ...         writer.store(new, z64, content("new"), "", meta)
    ...         halt() if place == "stored" else None
    ...         writer.tpc_vote(meta)
    ...         halt() if place == "voted" else None
    ...         return writer.tpc_finish(meta, lambda _: halt() if place == "finishing" else None)
    ...     meanwhile(write, lambda: storage.pack(now, oids_in), halt)
    ...     return values_of(storage, z64, one, new)
    >>> [schedule(place) for place in ("begun", "stored", "voted", "finishing")] == [
    ...     ["root", place, "new"] for place in ("begun", "stored", "voted", "finishing")
    ... ]
    True
    """


@example("storage.pack-at-any-step", MUST, rules="STOR-67 STOR-47", needs="pack")
def pack_at_any_step() -> None:
    """Wherever in a pack another thread comes in, be it where the storage exchanges what it had for
    what is left: it finds what is current, can change that, and finds what it has changed.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> tid = commit(
    ...     storage,
    ...     (z64, z64, content("root", one, two)),
    ...     (one, z64, content("first")),
    ...     (two, z64, content("first")),
    ... )
    >>> worker = beside(storage)
    >>> def change(changed, value):
    ...     tids = [newest(changed).load(oid)[1] for oid in (one, two)]
    ...     commit(changed, (one, tids[0], content(value)), (two, tids[1], content(value)))
    >>> def work():
    ...     before = values_of(worker, one, two)
    ...     change(worker, "new")
    ...     return before, values_of(worker, one, two)
    >>> def schedule(halt):
    ...     change(storage, "replaced")
    ...     change(storage, "old")
    ...     now = pause()
    ...     _, (before, after) = meanwhile(lambda: storage.pack(now, oids_in), work, halt)
    ...     return *before, *after, *values_of(storage, one, two)
    >>> {schedule(AtStep(number)) for number in range(1, 300, 11)}
    {('old', 'old', 'new', 'new', 'new', 'new')}
    """


@example("storage.pack-holds-nobody-up", SHOULD, rules="STOR-67", needs="pack")
def pack_holds_nobody_up() -> None:
    """Others read and commit while a pack looks for garbage, without waiting for its end: it may
    keep those who commit waiting only while it takes the rest away, and nobody who reads.

    >>> one = storage.new_oid()
    >>> tid = commit(storage, (z64, z64, content("root", one)), (one, z64, content(1)))
    >>> worker = beside(storage)
    >>> def work():
    ...     seen = newest(worker).load(z64)
    ...     return commit(worker, (z64, seen[1], content("new", one)))
    >>> threads, waiting = [], []
    >>> def references(data, oids=None):
    ...     if not threads:
    ...         threads.append(Background(work))
    ...         threads[0].join(2)
    ...         waiting.append(threads[0].is_alive())
    ...     return oids_in(data, oids)
    >>> storage.pack(pause(), references)
    >>> tids = [thread.result() for thread in threads]
    >>> any(waiting)
    False
    """


@example(
    "storage.packs-take-turns", MUST, rules="STOR-67 STOR-47", error="StorageError", needs="pack"
)
def packs_take_turns() -> None:
    """Where a pack is asked for while another one is under way, it waits for its turn or is
    refused. Neither loses anything, and the next one finds nothing in its way.

    >>> one, lost = storage.new_oid(), storage.new_oid()
    >>> first = commit(
    ...     storage,
    ...     (z64, z64, content("root", one)),
    ...     (one, z64, content(1)),
    ...     (lost, z64, content("lost")),
    ... )
    >>> second = commit(storage, (one, first, content(2)))
    >>> now, halt = pause(), Halt()
    >>> def references(data, oids=None):
    ...     halt()
    ...     return oids_in(data, oids)
    >>> def pack_too():
    ...     with allowing("StorageError"):
    ...         storage.pack(now, oids_in)
    >>> _ = meanwhile(lambda: storage.pack(now, references), pack_too, halt)
    >>> values_of(storage, z64, one), kept(storage, one, first, second)
    (['root', 2], [None, 2])
    >>> third = commit(storage, (one, second, content(3)))
    >>> storage.pack(pause(), oids_in)
    >>> values_of(storage, z64, one), kept(storage, one, second, third)
    (['root', 3], [None, 3])
    """


@example("storage.pack-under-iteration", MUST, rules="STOR-67 STOR-27", needs="pack iteration")
def pack_under_iteration() -> None:
    """Who has begun to go through the transactions goes on while the storage is packed, and comes
    to the end. He meets what is left; what the pack removes he may meet or not.

    >>> tids = [commit(storage, (z64, z64, content(0)))]
    >>> for number in range(1, 5):
    ...     tids.append(commit(storage, (z64, tids[-1], content(number))))
    >>> found, listed = [], iter(storage.iterator())
    >>> for transaction in listed:
    ...     found += [(record.tid, value_in(record.data)) for record in transaction]
    ...     if transaction.tid == found[0][0]:
    ...         storage.pack(pause(), oids_in)
    >>> found[-1:] == [(tids[4], 4)], set(found) <= set(zip(tids, range(5)))
    (True, True)
    """


@example("storage.undo-while-packing", MAY, rules="STOR-57", error="UndoError", needs="pack undo")
def undo_while_packing() -> None:
    """While a pack is under way a storage may refuse to undo, and to tell its log: what can be
    undone is just about to change. When it is over, both are as before.

    >>> one = storage.new_oid()
    >>> first = commit(storage, (z64, z64, content("root", one)), (one, z64, content(1)))
    >>> then = pause()
    >>> second = commit(storage, (one, first, content(2)))
    >>> third = commit(storage, (one, second, content(3)))
    >>> id, halt, done = storage.undoLog(0, 1)[0]["id"], Halt(), []
    >>> worker = beside(storage)
    >>> def references(data, oids=None):
    ...     halt()
    ...     return oids_in(data, oids)
    >>> def undo_it():
    ...     with allowing("UndoError"):
    ...         _ = worker.undoLog(0, 5)
    ...     with allowing("UndoError"):
    ...         done.append(undo(worker, id))
    >>> _ = meanwhile(lambda: storage.pack(then, references), undo_it, halt)
    >>> values_of(storage, one) == [2 if done else 3]
    True
    >>> _ = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> values_of(storage, one) == [3 if done else 2]
    True
    """


@example(
    "storage.undo-while-packing-loses-nothing",
    MUST,
    rules="STOR-67 STOR-57 STOR-46",
    needs="garbage-collection undo",
)
def undo_while_packing_loses_nothing() -> None:
    """Where a storage undoes something while a pack is under way, what that brings back is kept,
    with all that it leads to. The undo may be refused instead, or the pack may fail; then nothing
    is lost either, and the next one succeeds.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(
    ...     storage,
    ...     (z64, z64, content("here", one)),
    ...     (one, z64, content(1, two)),
    ...     (two, z64, content(2)),
    ... )
    >>> second = commit(storage, (z64, first, content("nowhere")))
    >>> id, now, halt, done = storage.undoLog(0, 1)[0]["id"], pause(), Halt(), []
    >>> worker = beside(storage)
    >>> def references(data, oids=None):
    ...     halt()
    ...     return oids_in(data, oids)
    >>> def undo_it():
    ...     with allowing("Exception"):
    ...         done.append(undo(worker, id))
    >>> def pack():
    ...     with allowing("Exception"):
    ...         storage.pack(now, references)
    >>> _ = meanwhile(pack, undo_it, halt)
    >>> wanted = ["here", 1, 2] if done else ["nowhere"]
    >>> values_of(storage, z64, one, two)[: len(wanted)] == wanted
    True
    >>> storage.pack(pause(), oids_in)
    >>> values_of(storage, z64, one, two)[: len(wanted)] == wanted
    True
    """
