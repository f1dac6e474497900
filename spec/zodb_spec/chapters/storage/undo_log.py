"""The undo log: which transactions may be undone, and by which ids.

It is what a person is shown who wants to take something back, and what a program chooses from. It
is read in parts, since it may be long.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example, text


@example("storage.undo-log-entries", MUST, rules="STOR-56 TXN-13", needs="undo")
def undo_log_entries() -> None:
    """`undoLog(first, last)` lists the transactions that may be undone, the newest first: for each
    a mapping with the `id` to undo it by, which is bytes and that of no other, the `time` in
    seconds since 1970, and the `user_name` and the `description` as they were given, in bytes.

    >>> from persistent.timestamp import TimeStamp
    >>> tids, words = [z64], [b"", b"one", "zw\u00f6lf \u2116".encode()]
    >>> for word in words:
    ...     meta = metadata(user=word + b"!", description=word)
    ...     tids.append(commit(storage, (z64, tids[-1], content(0)), meta=meta))
    >>> log = storage.undoLog(0, 10)
    >>> [each["description"] for each in log] == words[::-1]
    True
    >>> [each["user_name"] for each in log] == [word + b"!" for word in words[::-1]]
    True
    >>> times = [TimeStamp(tid).timeTime() for tid in tids[:0:-1]]
    >>> all(abs(each["time"] - time) < 0.001 for each, time in zip(log, times))
    True
    >>> {type(each["id"]).__name__ for each in log}, len({each["id"] for each in log})
    ({'bytes'}, 3)
    """


@example("storage.undo-log-of-nothing", MUST, rules="STOR-56", needs="undo")
def undo_log_of_nothing() -> None:
    """The log of a storage in which nothing was stored is empty, and a transaction that was aborted
    is not in it.

    >>> len(storage.undoLog(0, 10)), len(storage.undoInfo())
    (0, 0)
    >>> meta = metadata(description=b"aborted")
    >>> storage.tpc_begin(meta)
    >>> storage.store(z64, z64, content(0), "", meta)
    >>> _ = storage.tpc_vote(meta)
    >>> len(storage.undoLog(0, 10))
    0
    >>> storage.tpc_abort(meta)
    >>> len(storage.undoLog(0, 10))
    0
    """


@example("storage.undo-log-in-parts", MUST, rules="STOR-56", needs="undo")
def undo_log_in_parts() -> None:
    """Of the entries, the newest of which has the number 0, `undoLog` and `undoInfo` give those
    from `first` on, up to `last` and without it, or, where `last` is negative, at most as many as
    it says. Where there are no more, they give what there is.

    >>> tid = z64
    >>> for number in range(8):
    ...     tid = commit(storage, (z64, tid, content(number)), meta=metadata(b"", b"%d" % number))
    >>> every = [b"%d" % number for number in range(7, -1, -1)]
    >>> parts = [(first, last) for first in (0, 1, 5, 7, 8, 20) for last in range(first, 22)]
    >>> parts += [(first, -most) for first in (0, 1, 5, 7, 8, 20) for most in (1, 2, 3, 8, 100)]
    >>> def are_wrong(asked):
    ...     for first, last in parts:
    ...         found = [each["description"] for each in asked(first, last)]
    ...         if found != every[first : last if last >= 0 else first - last]:
    ...             yield first, last
    >>> list(are_wrong(storage.undoLog)), list(are_wrong(storage.undoInfo))
    ([], [])
    """


@example("storage.undo-info-default", MUST, rules="STOR-56", needs="undo")
def undo_info_default() -> None:
    """Where nothing is said, `undoInfo` gives the newest twenty.

    >>> tid = z64
    >>> for number in range(24):
    ...     tid = commit(storage, (z64, tid, content(number)))
    >>> found = [each["id"] for each in storage.undoInfo()]
    >>> len(found), found == [each["id"] for each in storage.undoLog(0, 24)][:20]
    (20, True)
    """


@example("storage.undo-info-chooses-first", MUST, rules="STOR-56", needs="undo")
def undo_info_chooses_first() -> None:
    """`undoInfo(first, last, specification)` takes the entries that have all items of the mapping
    `specification`, and counts these: who asks for the second page of what somebody has done gets a
    full page.

    >>> tid = z64
    >>> for number in range(12):
    ...     meta = metadata(b"ab"[number % 2 :][:1], b"%d" % (number % 4))
    ...     tid = commit(storage, (z64, tid, content(number)), meta=meta)
    >>> every = list(storage.undoLog(0, 12))
    >>> def found(first, last, **wanted):
    ...     chosen = storage.undoInfo(first, last, wanted)
    ...     return [[each["id"] for each in every].index(entry["id"]) for entry in chosen]
    >>> found(0, 3, user_name=b"a"), found(2, -2, user_name=b"a"), found(4, 20, user_name=b"a")
    ([1, 3, 5], [5, 7], [9, 11])
    >>> found(0, 20, description=b"2"), found(0, 20, user_name=b"b", description=b"2")
    ([1, 5, 9], [])
    >>> found(0, 20, id=every[7]["id"]), found(0, 3), found(1, 2, id=every[7]["id"])
    ([7], [0, 1, 2], [])
    """


@example("storage.undo-info-items-have-to-be-there", SHOULD, rules="STOR-56", needs="undo")
def undo_info_items_have_to_be_there() -> None:
    """An entry that lacks an item has not got it, whatever value is asked for: None, too.

    >>> tid = commit(storage, (z64, z64, content(0)))
    >>> [len(storage.undoInfo(0, 5, wanted)) for wanted in ({"mood": "good"}, {"mood": None}, {})]
    [0, 0, 1]
    """


@example("storage.undo-log-filters-first", MUST, rules="STOR-56", needs="undo")
def undo_log_filters_first() -> None:
    """`undoLog` takes as its third argument a function, `filter`, that is called with an entry and
    says whether it is wanted. Where it is called, what it does not want does not count. The client
    of a server may pass it over, since it can't send it there.

    >>> tid = z64
    >>> for number in range(10):
    ...     tid = commit(storage, (z64, tid, content(number)), meta=metadata(b"", b"%d" % number))
    >>> asked = []
    >>> def even(entry):
    ...     asked.append(entry["id"])
    ...     return int(entry["description"]) % 2 == 0
    >>> def numbers(first, last, filter):
    ...     return [int(each["description"]) for each in storage.undoLog(first, last, filter)]
    >>> wanted = [(0, 3), (1, -2), (3, 20)]
    >>> found = [numbers(first, last, even) for first, last in wanted]
    >>> every = [8, 6, 4, 2, 0] if asked else list(range(9, -1, -1))
    >>> found == [every[0:3], every[1:3], every[3:20]]
    True
    """


@example("storage.undo-log-filters", SHOULD, rules="STOR-56", needs="undo")
def undo_log_filters() -> None:
    """The filter is called, as far as the storage and the program are in one process.

    >>> tid = z64
    >>> for number in range(3):
    ...     tid = commit(storage, (z64, tid, content(number)), meta=metadata(b"", b"%d" % number))
    >>> [each["description"] for each in storage.undoLog(0, 5, lambda each: b"1" in each.values())]
    [b'1']
    """


@example("storage.undo-log-keeps-its-items", MUST, rules="STOR-56", needs="undo")
def undo_log_keeps_its_items() -> None:
    """What a program has noted as an extension of its transaction may be in the entry too. It takes
    the place of nothing that the log says itself: an entry of which it did could not be undone.

    >>> clash = {"id": b"clash", "time": -1.0, "user_name": b"clash", "description": b"clash"}
    >>> first = commit(storage, (z64, z64, content(0)))
    >>> second = commit(storage, (z64, first, content(1)), meta=metadata(b"user", b"text", clash))
    >>> entry = storage.undoLog(0, 1)[0]
    >>> entry["user_name"], entry["description"], entry["time"] > 0
    (b'user', b'text', True)
    >>> _ = undo(storage, entry["id"])
    >>> values_of(storage, z64)
    [0]
    """


@example("storage.undo-log-tells-extensions", SHOULD, rules="STOR-56 TXN-13", needs="undo")
def undo_log_tells_extensions() -> None:
    """The items of the extension are in the entry, beside those of the log, and can be asked for.

    >>> noted = {"mood": "good", "number": 3}
    >>> first = commit(storage, (z64, z64, content(0)), meta=metadata(extension=noted))
    >>> second = commit(storage, (z64, first, content(1)))
    >>> [each.get("mood") for each in storage.undoLog(0, 5)]
    [None, 'good']
    >>> len(storage.undoInfo(0, 5, noted)), len(storage.undoInfo(0, 5, {"mood": "bad"}))
    (1, 0)
    """


@example("storage.undo-log-outlives-classes", SHOULD, rules="STOR-56", needs="undo")
def undo_log_outlives_classes() -> None:
    """Where an extension can't be read, since a class of what it holds can't be found any more, its
    transaction is in the log all the same, and so are the others. A server that could never read it
    may have refused the transaction.

    >>> one, wanted = storage.new_oid(), [b"", b"noted"]
    >>> with lent_class("Mood", dict) as Mood:
    ...     noted = metadata(b"", b"noted", {"mood": Mood()})
    ...     first = None
    ...     with allowing("Exception"):
    ...         first = commit(storage, (one, z64, content(0)), meta=noted)
    >>> if first is not None:
    ...     second = commit(storage, (one, first, content(1)))
    >>> first is None or [each["description"] for each in storage.undoLog(0, 5)] == wanted
    True
    """


@example("storage.undo-ids-last", MUST, rules="STOR-56 STOR-51", needs="undo")
def undo_ids_last() -> None:
    """An id stays what it is: other transactions, and their undoing, don't change it, and it can be
    used as long as what it names is in the log.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (one, z64, content(1)))
    >>> second = commit(storage, (one, first, content(2)))
    >>> id = storage.undoLog(0, 1)[0]["id"]
    >>> for number in range(3):
    ...     third = commit(storage, (storage.new_oid(), z64, content(number)))
    ...     _ = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> [each["id"] for each in storage.undoLog(0, 20)].index(id)
    6
    >>> _ = undo(storage, id)
    >>> values_of(storage, one)
    [1]
    """


@example("storage.undo-ids-outlive-packing", MUST, rules="STOR-56 STOR-51", needs="undo pack")
def undo_ids_outlive_packing() -> None:
    """A pack for a time before a transaction changes nothing of its id. What is undone comes back
    from as far as the pack has left it.

    >>> one = storage.new_oid()
    >>> tids = [commit(storage, (z64, z64, content(0, one)), (one, z64, content(1)))]
    >>> tids.append(commit(storage, (one, tids[0], content(2))))
    >>> then = pause()
    >>> tids.append(commit(storage, (one, tids[1], content(3))))
    >>> tids.append(commit(storage, (one, tids[2], content(4))))
    >>> ids = [each["id"] for each in storage.undoLog(0, 2)]
    >>> storage.pack(then, oids_in)
    >>> seen = []
    >>> for id in ids:
    ...     _ = undo(storage, id)
    ...     seen += values_of(storage, one)
    >>> seen
    [3, 2]
    """


@example("storage.undo-ids-outlive-reopening", MUST, rules="STOR-56 STOR-51", needs="undo durable")
def undo_ids_outlive_reopening() -> None:
    """Ids, and all that the log tells, are the same when the storage is opened again, and what can
    be undone can be undone then.

    >>> one = storage.new_oid()
    >>> first = commit(storage, (one, z64, content(1)), meta=metadata(b"user", b"text", {"n": 1}))
    >>> second = commit(storage, (one, first, content(2)))
    >>> before = [dict(each) for each in storage.undoLog(0, 5)]
    >>> storage = reopened(storage)
    >>> [dict(each) for each in storage.undoLog(0, 5)] == before
    True
    >>> _ = undo(storage, before[0]["id"])
    >>> storage = reopened(storage)
    >>> values_of(storage, one)
    [1]
    """


@example("storage.undo-of-nothing", MUST, rules="STOR-52", error="Exception", needs="undo")
def undo_of_nothing() -> None:
    r"""What is the id of no transaction is refused, by the undo or by the vote. Nothing is undone,
    and the storage is ready for the next transaction.

    >>> first = commit(storage, (z64, z64, content(1)))
    >>> for id in b"nonsense", b"", b"\0" * 8, next_tid(first), first[::-1], None:
    ...     with raises("Exception"):
    ...         undo(storage, id)
    >>> values_of(storage, z64), newest(storage).lastTransaction() == first
    ([1], True)
    >>> second = commit(storage, (z64, first, content(2)))
    >>> values_of(storage, z64)
    [2]
    """


@example(
    "storage.undo-of-nothing-says-so", SHOULD, rules="STOR-52", error="UndoError", needs="undo"
)
def undo_of_nothing_says_so() -> None:
    """The error is an `UndoError`, as it is for a transaction that was packed meanwhile.

    >>> first = commit(storage, (z64, z64, content(1)))
    >>> for id in b"nonsense", b"":
    ...     with raises("UndoError"):
    ...         undo(storage, id)
    """


@text("storage.undo-ids-are-opaque", MUST, rules="STOR-56", binds="caller")
def undo_ids_are_opaque() -> None:
    """An id says nothing but which entry it belongs to. It need not be the tid of the transaction,
    and in the storages that there are it is not: what a program gives to `undo` it has got from
    `undoLog` or `undoInfo`.
    """
