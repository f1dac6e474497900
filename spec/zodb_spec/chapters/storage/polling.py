"""Polling: how an instance learns what others have committed.

A storage that keeps the snapshots of its users tells nobody of changes by itself. The layer above
asks, at each boundary between transactions, by `poll_invalidations`, and reads again what it is
told of. So whatever else moves an instance, what the move has changed has to be told when somebody
asks: a change of which nobody hears is one that a connection does not see, for as long as the
object stays in its cache.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example


@example("storage.poll-tells-all-changes", MUST, rules="STOR-35 ISO-33", needs="instances")
def poll_tells_all_changes() -> None:
    """An instance tells of all objects that others have changed or created since it was last asked,
    in whatever number of transactions, through whichever instances. It may tell of others besides:
    what is told of is read again, and no harm comes of that. Where it tells of none by name, as
    None, all are meant.

    >>> one, two, three = (storage.new_oid() for n in range(3))
    >>> serial = commit(storage, (one, z64, content(1)), (two, z64, content(1)))
    >>> reader, others = newest(storage.new_instance()), [storage, newest(storage.new_instance())]
    >>> first = commit(others[0], (one, serial, content(2)))
    >>> second = commit(others[1], (two, serial, content(2)), (three, z64, content(2)))
    >>> third = commit(others[0], (three, second, content(3)))
    >>> told = reader.poll_invalidations()
    >>> told is None or {one, two, three} <= set(told)
    True
    >>> third = commit(others[1], (one, first, content(3)))
    >>> told = reader.poll_invalidations()
    >>> told is None or one in told
    True
    """


@example("storage.poll-names-what-has-changed", SHOULD, rules="STOR-35", needs="instances")
def poll_names_what_has_changed() -> None:
    """As long as nothing was packed, an instance tells of what others have changed since it was
    last asked, and of nothing else: what is told of has to be read again.

    >>> one, two, three = (storage.new_oid() for n in range(3))
    >>> first = commit(storage, *((oid, z64, content(1)) for oid in (one, two, three)))
    >>> reader = newest(storage.new_instance())
    >>> list(reader.poll_invalidations())
    []
    >>> second = commit(storage, (one, first, content(2)), (two, first, content(2)))
    >>> third = commit(storage, (two, second, content(3)))
    >>> set(reader.poll_invalidations()) == {one, two}
    True
    >>> list(reader.poll_invalidations())
    []
    """


@example("storage.poll-gives-a-collection", MUST, rules="STOR-35", needs="instances")
def poll_gives_a_collection() -> None:
    """What is told is a collection of oids, of eight bytes each, that has a length, and can be gone
    through several times: a list, or anything like it.

    >>> oids = [storage.new_oid() for n in range(3)]
    >>> reader = newest(storage.new_instance())
    >>> tid = commit(storage, *((oid, z64, content(1)) for oid in oids))
    >>> told = reader.poll_invalidations()
    >>> told is None or len(told) == len(list(told)) == len(list(told))
    True
    >>> {(type(oid), len(oid)) for oid in told or oids} == {(bytes, 8)}
    True
    """


@example("storage.poll-after-own-commits", MUST, rules="STOR-35", needs="instances")
def poll_after_own_commits() -> None:
    """An instance need not tell of what was committed through itself. It does tell of what others
    have committed before, in between and since, of the same objects too.

    >>> one, two, three, mine = (storage.new_oid() for n in range(4))
    >>> first = commit(storage, *((oid, z64, content(1)) for oid in (one, two, three, mine)))
    >>> reader = newest(storage.new_instance())
    >>> second = commit(storage, (one, first, content(2)))
    >>> own = commit(reader, (mine, first, content(2)), (two, first, content(2)))
    >>> third = commit(storage, (two, own, content(3)))
    >>> own = commit(reader, (mine, own, content(3)))
    >>> fourth = commit(storage, (three, first, content(4)))
    >>> told = reader.poll_invalidations()
    >>> told is None or {one, two, three} <= set(told)
    True
    >>> [value_in(reader.load(oid)[0]) for oid in (one, two, three, mine)]
    [2, 3, 4, 3]
    """


@example("storage.own-commit-loses-no-changes", MUST, rules="STOR-35", needs="instances")
def own_commit_loses_no_changes() -> None:
    """What is read through an instance between its own commit and its next boundary may be the
    state from before the commit, or a newer one. Whatever it is, changes are told that were not
    told before, when somebody asks for them.

    >>> one, mine = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (one, z64, content("old")), (mine, z64, content("old")))
    >>> reader = newest(storage.new_instance())
    >>> second = commit(storage, (one, first, content("new")))
    >>> own = commit(reader, (mine, first, content("new")))
    >>> value_in(reader.load(one)[0]) in ("old", "new")
    True
    >>> told = reader.poll_invalidations()
    >>> told is None or one in told
    True
    """


@example("storage.poll-after-packing", MUST, rules="STOR-35 ISO-35", needs="instances pack")
def poll_after_packing() -> None:
    """Where transactions were packed since an instance was last asked, it may not know any more
    what they changed. Then it says so, by None, and all that was read through it is to be read
    again. A list from which something is missing would be believed.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (z64, z64, content("root", one, two)),
    ...     (one, z64, content(1)), (two, z64, content(1)))
    >>> reader, ahead = newest(storage.new_instance()), newest(storage.new_instance())
    >>> for n in 2, 3:
    ...     second = commit(storage, (one, newest(storage).load(one)[1], content(n)))
    >>> told = ahead.poll_invalidations()
    >>> third = commit(storage, (two, first, content(2)))
    >>> storage.pack(pause(), oids_in)
    >>> fourth = commit(storage, (z64, first, content("changed", one, two)))
    >>> told = [each.poll_invalidations() for each in (reader, ahead)]
    >>> told[0] is None or {z64, one, two} <= set(told[0])
    True
    >>> told[1] is None or {z64, two} <= set(told[1])
    True
    >>> [value_in(reader.load(oid)[0]) for oid in (z64, one, two)]
    ['changed', 3, 2]
    """


@example(
    "storage.poll-after-packing-the-undone",
    MUST,
    rules="STOR-35 ISO-35 STOR-53",
    needs="instances pack undo",
)
def poll_after_packing_the_undone() -> None:
    """An object whose creation was undone leaves nothing behind when that is packed, not even the
    transaction that did it. An instance that has shown the object tells of it nevertheless, or says
    that it does not know.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (z64, z64, content("root")))
    >>> second = commit(storage, (oid, z64, content("created")))
    >>> reader, meta = newest(storage.new_instance()), begun(storage)
    >>> value_in(reader.load(oid)[0])
    'created'
    >>> undone = storage.undo(storage.undoLog(0, 1)[0]["id"], meta)
    >>> resolved = storage.tpc_vote(meta)
    >>> third = storage.tpc_finish(meta)
    >>> storage.pack(pause(), oids_in)
    >>> told = reader.poll_invalidations()
    >>> told is None or oid in told
    True
    >>> with raises("POSKeyError"):
    ...     reader.load(oid)
    """


@example("storage.poll-begins-anew", MUST, rules="STOR-35 ISO-35", needs="instances pack")
def poll_begins_anew() -> None:
    """After an instance has told that it does not know, it knows again: what is changed from then
    on is told.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (z64, z64, content("root", oid)), (oid, z64, content(1)))
    >>> reader = newest(storage.new_instance())
    >>> second = commit(storage, (oid, first, content(2)))
    >>> storage.pack(pause(), oids_in)
    >>> told = reader.poll_invalidations()
    >>> third = commit(storage, (oid, second, content(3)))
    >>> told = reader.poll_invalidations()
    >>> told is None or oid in told, value_in(reader.load(oid)[0])
    (True, 3)
    """


@example("storage.poll-does-not-tell-of-the-unfinished", MUST, rules="STOR-35", needs="instances")
def poll_does_not_tell_of_the_unfinished() -> None:
    """What another instance has stored, and voted for, does not show before that one has finished;
    and not at all if it is aborted.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("old")))
    >>> reader, seen = newest(storage.new_instance()), []
    >>> def look():
    ...     data, serial = newest(reader).load(oid)
    ...     seen.append((value_in(data), serial == first))
    >>> meta = begun(storage, (oid, first, content("given up")))
    >>> look()
    >>> resolved = storage.tpc_vote(meta)
    >>> look()
    >>> storage.tpc_abort(meta)
    >>> look()
    >>> meta = voted(storage, (oid, first, content("new")))
    >>> look()
    >>> tid = storage.tpc_finish(meta)
    >>> look()
    >>> seen
    [('old', True), ('old', True), ('old', True), ('old', True), ('new', False)]
    """


@example("storage.poll-and-load-belong-together", MUST, rules="STOR-35 ISO-33", needs="instances")
def poll_and_load_belong_together() -> None:
    """Where another instance commits while one is asked what has changed, what it tells and what it
    shows from then on belong together: all changes of the commit, or none of them. Those that it
    has not told yet, it tells the next time.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> tid = commit(storage, (one, z64, content(0)), (two, z64, content(0)))
    >>> writer, reader = newest(storage.new_instance()), newest(storage.new_instance())
    >>> def look():
    ...     told = reader.poll_invalidations()
    ...     serials = [reader.load(oid)[1] for oid in (one, two)]
    ...     return told is None or {one, two} <= set(told), serials
    >>> def schedule(halt, is_reader_halted):
    ...     serial = newest(writer).load(one)[1]
    ...     writes = [(oid, serial, content(1)) for oid in (one, two)]
    ...     works, told = [lambda: commit(writer, *writes), look], reader.poll_invalidations()
    ...     results = meanwhile(*works[::-1 if is_reader_halted else 1], halt)
    ...     tid, (told, serials) = results[:: -1 if is_reader_halted else 1]
    ...     if serials == [serial] * 2:
    ...         told, serials = look()
    ...     return told and serials == [tid] * 2
    >>> at_every_step(lambda halt: schedule(halt, is_reader_halted=False))
    {True}
    >>> at_every_step(lambda halt: schedule(halt, is_reader_halted=True))
    {True}
    """


@example("storage.sync-shows-the-newest", MUST, rules="STOR-35", needs="instances")
def sync_shows_the_newest() -> None:
    """After `sync(True)` an instance shows the newest state, whether it is asked what has changed
    or not.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("old")))
    >>> reader = newest(storage.new_instance())
    >>> seen = [value_in(reader.load(oid)[0])]
    >>> second = commit(storage, (oid, first, content("new")))
    >>> reader.sync(True)
    >>> seen + [value_in(reader.load(oid)[0])]
    ['old', 'new']
    """


@example("storage.sync-loses-no-changes", MUST, rules="STOR-35", needs="instances")
def sync_loses_no_changes() -> None:
    """What `sync` has brought is told when the instance is next asked what has changed, also where
    something was loaded in between: who asks has last heard of the state from before.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("old")))
    >>> reader, told = newest(storage.new_instance()), []
    >>> for arguments in (), (True,), (False,):
    ...     first = commit(storage, (oid, first, content("new")))
    ...     reader.sync(*arguments)
    ...     data, serial = reader.load(oid)
    ...     changed = reader.poll_invalidations()
    ...     told.append(changed is None or oid in changed)
    >>> told
    [True, True, True]
    """


@example("storage.sync-may-be-declined", MUST, rules="STOR-35", needs="instances")
def sync_may_be_declined() -> None:
    """`sync(False)` says that nobody insists: the instance may go on to show what it has shown, or
    move to the newest state. It is one state in either case.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (one, z64, content("old")), (two, z64, content("old")))
    >>> reader = newest(storage.new_instance())
    >>> value_in(reader.load(one)[0])
    'old'
    >>> second = commit(storage, (one, first, content("new")), (two, first, content("new")))
    >>> reader.sync(force=False)
    >>> seen = [value_in(reader.load(oid)[0]) for oid in (one, two)]
    >>> seen in (["old", "old"], ["new", "new"])
    True
    """


@example("storage.after-completion-loses-no-changes", MUST, rules="STOR-35", needs="instances")
def after_completion_loses_no_changes() -> None:
    """An instance that wants to know when a transaction is over has `afterCompletion`, and may give
    up there what it holds. What others change before and after that is told when the instance is
    next asked.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (one, z64, content("old")), (two, z64, content("old")))
    >>> reader = newest(storage.new_instance())
    >>> second = commit(storage, (one, first, content("new")))
    >>> result = getattr(reader, "afterCompletion", list)()
    >>> third = commit(storage, (two, first, content("new")))
    >>> told = reader.poll_invalidations()
    >>> told is None or {one, two} <= set(told)
    True
    >>> [value_in(reader.load(oid)[0]) for oid in (one, two)]
    ['new', 'new']
    """


@example("storage.prefetch-changes-nothing", MUST, rules="STOR-35", needs="instances")
def prefetch_changes_nothing() -> None:
    """An instance that can make use of it is told by `prefetch` which objects are about to be
    loaded: by anything that can be gone through once. Whether they are there or not, newer or not,
    is no error, and nothing that is loaded or told is different afterwards.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (one, z64, content("old")))
    >>> reader = newest(storage.new_instance())
    >>> second = commit(storage, (one, first, content("new")), (two, z64, content("created")))
    >>> prefetch = getattr(reader, "prefetch", list)
    >>> result = prefetch(oid for oid in (one, two, storage.new_oid()))
    >>> value_in(reader.load(one)[0])
    'old'
    >>> told = reader.poll_invalidations()
    >>> told is None or {one, two} <= set(told)
    True
    """


@example("storage.instance-tells-its-last-transaction", MUST, rules="ISO-33", needs="instances")
def instance_tells_its_last_transaction() -> None:
    """The last transaction that an instance tells of is one whose changes it has told, or that was
    committed through itself. Once it has moved to the newest state, that is the last of all.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("old")))
    >>> reader = newest(storage.new_instance())
    >>> reader.lastTransaction() == first
    True
    >>> second = commit(storage, (oid, first, content("new")))
    >>> reader.lastTransaction() == first
    True
    >>> newest(reader).lastTransaction() == second
    True
    >>> own = commit(reader, (oid, second, content("newer")))
    >>> newest(reader).lastTransaction() == newest(storage).lastTransaction() == own
    True
    """


@example("storage.polls-keep-a-cache", MUST, rules="ISO-33 STOR-35", needs="instances")
def polls_keep_a_cache() -> None:
    """Who keeps what he has loaded until he is told of it has nothing outdated, and sees each
    transaction as a whole, however much is committed through other instances meanwhile. So every
    connection works.

    >>> oids = [storage.new_oid() for n in range(4)]
    >>> tid = commit(storage, *((oid, z64, content(0)) for oid in oids))
    >>> writer, reader, over = storage.new_instance(), newest(storage.new_instance()), []
    >>> def write():
    ...     tids = [tid]
    ...     for n in range(20):
    ...         own = newest(writer)
    ...         tids.append(commit(own, *((oid, tids[-1], content(n)) for oid in oids)))
    ...     over.append(tids[-1])
    ...     return tids
    >>> def read():
    ...     cache, outdated, shown = {}, [], [z64]
    ...     while not over or shown[0] < over[0]:
    ...         told = reader.poll_invalidations()
    ...         for oid in oids if told is None else told:
    ...             kept = cache.pop(oid, None)
    ...         shown = [reader.load(oid)[1] for oid in oids]
    ...         outdated += [
    ...             oid
    ...             for oid, serial in zip(oids, shown)
    ...             if cache.setdefault(oid, serial) != serial
    ...         ]
    ...         outdated += shown if len({*shown}) > 1 else []
    ...     return outdated
    >>> tids, outdated = at_once(write, read)
    >>> outdated
    []
    """
