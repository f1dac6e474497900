"""The history of an object, as a storage tells it: which transactions have written it, and who they
were.

What a database makes of it for its users is told in its own chapter.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example


@example(
    "storage.history-tells-of-transactions", MUST, rules="STOR-26", needs="history old-revisions"
)
def history_tells_of_transactions() -> None:
    """`history` of an object gives a mapping for its current revision, which says of the
    transaction that has written it the `tid`, the `time` in seconds of UTC since 1970, and as
    bytes the `user_name` and the `description` that it was given.

    >>> import time
    >>> oid, other = storage.new_oid(), storage.new_oid()
    >>> user, description = "gärtner".encode(), "die Bäume geschnitten".encode()
    >>> tid = commit(storage, (oid, z64, content(1)), meta=metadata(user, description))
    >>> later = commit(storage, (other, z64, content(2)), meta=metadata(b"somebody else", b""))
    >>> [entry] = newest(storage).history(oid)
    >>> entry["tid"] == tid, entry["user_name"] == user, entry["description"] == description
    (True, True, True)
    >>> from datetime import UTC, datetime
    >>> abs(datetime.fromtimestamp(entry["time"], UTC).replace(tzinfo=None) - moment(tid)).seconds
    0
    >>> [entry["user_name"] for entry in newest(storage).history(other)]
    [b'somebody else']
    """


@example("storage.history-is-newest-first", MUST, rules="STOR-26", needs="history old-revisions")
def history_is_newest_first() -> None:
    """The history goes back from the current revision to the first one, with one entry for each
    transaction that has stored the object, and none for those that have stored others.

    >>> oid, tids = storage.new_oid(), [z64]
    >>> for number in range(4):
    ...     meta = metadata(b"", b"number %d" % number)
    ...     tids.append(commit(storage, (oid, tids[-1], content(number)), meta=meta))
    ...     tid = commit(storage, (storage.new_oid(), z64, content("other")))
    >>> entries = newest(storage).history(oid, size=100)
    >>> [entry["tid"] for entry in entries] == tids[:0:-1]
    True
    >>> [entry["description"] for entry in entries]
    [b'number 3', b'number 2', b'number 1', b'number 0']
    >>> times = [entry["time"] for entry in entries]
    >>> times == sorted(times, reverse=True)
    True
    """


@example("storage.history-is-limited", MUST, rules="STOR-26", needs="history old-revisions")
def history_is_limited() -> None:
    """`history` gives at most so many entries as its `size` says, the newest ones, and one where
    nothing is said. That there are fewer is no error.

    >>> oid, tids = storage.new_oid(), [z64]
    >>> for number in range(4):
    ...     tids.append(commit(storage, (oid, tids[-1], content(number))))
    >>> def told(**size):
    ...     return [entry["tid"] for entry in newest(storage).history(oid, **size)]
    >>> told() == told(size=1) == tids[4:]
    True
    >>> [told(size=size) == tids[:-size - 1:-1] for size in (2, 3, 4)]
    [True, True, True]
    >>> told(size=5) == tids[:0:-1]
    True
    """


@example("storage.history-of-no-entries", MUST, rules="STOR-26", needs="history")
def history_of_no_entries() -> None:
    """A `size` of 0 gives no entry. It is what remains where a program, or a storage that lies over
    another one, has found elsewhere as many as it wants.

    >>> oid = storage.new_oid()
    >>> tid = commit(storage, (oid, z64, content(1)))
    >>> tid = commit(storage, (oid, tid, content(2)))
    >>> len(newest(storage).history(oid, size=0))
    0
    """


@example("storage.history-has-the-extension", MUST, rules="STOR-26", needs="history old-revisions")
def history_has_the_extension() -> None:
    """What a program has noted in the extension of a transaction is part of the entry, under its
    own names, but for those that the entry has already: they say what is said above.

    >>> noted = {"mood": "good", "numbers": [1, 2], "tid": 1, "description": "no", "size": "big"}
    >>> noted |= {"time": "late", "user_name": "nobody"}
    >>> meta = metadata(b"gardener", b"planted", noted)
    >>> oid = storage.new_oid()
    >>> tid = commit(storage, (oid, z64, content(1)), meta=meta)
    >>> [entry] = newest(storage).history(oid)
    >>> entry.get("mood"), entry.get("numbers")
    ('good', [1, 2])
    >>> entry["tid"] == tid, entry["user_name"], entry["description"]
    (True, b'gardener', b'planted')
    >>> isinstance(entry["size"], int), isinstance(entry["time"], float)
    (True, True)
    """


@example(
    "storage.history-knows-no-unknown", MUST, rules="STOR-26", needs="history", error="POSKeyError"
)
def history_knows_no_unknown() -> None:
    """An object that was never stored has no history: it is a key error, whatever the size.

    >>> oid = storage.new_oid()
    >>> tid = commit(storage, (storage.new_oid(), z64, content("other")))
    >>> for size in (1, 10):
    ...     with raises("POSKeyError"):
    ...         newest(storage).history(oid, size=size)
    """


@example("storage.history-sizes", SHOULD, rules="STOR-26", needs="history")
def history_sizes() -> None:
    """The `size` of an entry says how large the record is: it tells records of which one is much
    larger apart.

    It is for people, who look for what makes a database large. So a storage that keeps a record in
    another form, or shares it with an earlier revision, may tell what that takes.

    >>> import random
    >>> oid, other = storage.new_oid(), storage.new_oid()
    >>> large = content(random.Random(1).randbytes(5000))
    >>> tid = commit(storage, (oid, z64, content(1)), (other, z64, large))
    >>> small, large = [newest(storage).history(each)[0]["size"] for each in (oid, other)]
    >>> 0 < small < large
    True
    """


@example("storage.history-has-a-serial", SHOULD, rules="STOR-26", needs="history")
def history_has_a_serial() -> None:
    """An entry names the tid also as `serial`, as programs of earlier days expect it.

    >>> oid = storage.new_oid()
    >>> tid = commit(storage, (oid, z64, content(1)))
    >>> [entry.get("serial") for entry in newest(storage).history(oid)] == [tid]
    True
    """


@example("storage.history-of-what-is-uncommitted", MUST, rules="STOR-26 STOR-8", needs="history")
def history_of_what_is_uncommitted() -> None:
    """What is not finished has no history: the object has the one from before, until the
    transaction is finished, and after it was aborted.

    >>> oid, new = storage.new_oid(), storage.new_oid()
    >>> tid = commit(storage, (oid, z64, content(1)))
    >>> storage, meta = newest(storage), metadata()
    >>> storage.tpc_begin(meta)
    >>> storage.store(oid, tid, content(2), "", meta)
    >>> storage.store(new, z64, content("new"), "", meta)
    >>> resolved = storage.tpc_vote(meta)
    >>> def told():
    ...     with raises("POSKeyError"):
    ...         storage.history(new)
    ...     return [entry["tid"] for entry in storage.history(oid, size=5)]
    >>> told() == [tid]
    True
    >>> storage.tpc_abort(meta)
    >>> storage = newest(storage)
    >>> told() == [tid]
    True
    """
