"""Storages with instances: those that keep the snapshots of their users themselves.

As a rule it is the layer above that keeps a snapshot for each connection, out of past revisions.
Storages on database servers have snapshots of their own (the interface is `IMVCCStorage`). There
each connection has an instance, which comes of `new_instance`, belongs to one thread, and shows one
state of the data until it is asked what has changed, by `poll_invalidations`: that moves it to the
newest state, and tells the oids of what the move has changed.

An instance commits like any storage. What of it is not the reading of objects has to do with the
newest state: the log of transactions, undo, packing, and how many objects there are and how large
they are, which may be estimates.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example


@example("storage.instance-keeps-its-snapshot", MUST, rules="STOR-35", needs="instances")
def instance_keeps_its_snapshot() -> None:
    """What others commit does not show in an instance, be it loaded before or not, until it is
    asked what has changed. From then on all of it shows.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (one, z64, content("old")), (two, z64, content("old")))
    >>> reader = newest(storage.new_instance())
    >>> seen = [value_in(reader.load(one)[0])]
    >>> second = commit(storage, (one, first, content("new")), (two, first, content("new")))
    >>> for oid in one, two:
    ...     data, serial = reader.load(oid)
    ...     seen += value_in(data), serial == first
    >>> seen
    ['old', 'old', True, 'old', True]
    >>> for oid in one, two:
    ...     data, serial = newest(reader).load(oid)
    ...     seen += value_in(data), serial == second
    >>> seen[5:]
    ['new', True, 'new', True]
    """


@example("storage.instance-begins-with-a-snapshot", MUST, rules="STOR-35", needs="instances")
def instance_begins_with_a_snapshot() -> None:
    """An instance that was never asked what has changed shows one state as well: that of when it
    was made, or first read from. When it is asked, it tells what is newer.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (one, z64, content("old")), (two, z64, content("old")))
    >>> reader = storage.new_instance()
    >>> seen = [value_in(reader.load(one)[0])]
    >>> second = commit(storage, (one, first, content("new")), (two, first, content("new")))
    >>> seen + [value_in(reader.load(oid)[0]) for oid in (one, two)]
    ['old', 'old', 'old']
    >>> told = reader.poll_invalidations()
    >>> told is None or {one, two} <= set(told)
    True
    >>> [value_in(reader.load(oid)[0]) for oid in (one, two)]
    ['new', 'new']
    """


@example("storage.instances-are-independent", MUST, rules="STOR-35", needs="instances")
def instances_are_independent() -> None:
    """Each instance shows a state of its own. That one is asked what has changed, or given up,
    moves no other one.

    >>> oid, serial, readers = storage.new_oid(), z64, []
    >>> for value in 1, 2, 3:
    ...     serial = commit(storage, (oid, serial, content(value)))
    ...     readers.append(newest(storage.new_instance()))
    >>> [value_in(reader.load(oid)[0]) for reader in readers]
    [1, 2, 3]
    >>> told = readers[1].poll_invalidations()
    >>> readers[2].release()
    >>> [value_in(reader.load(oid)[0]) for reader in readers[:2]]
    [1, 3]
    >>> value_in(newest(readers[0]).load(oid)[0])
    3
    """


@example("storage.instance-of-an-instance", MUST, rules="STOR-35", needs="instances")
def instance_of_an_instance() -> None:
    """Every instance makes further ones, of the same data, which begin with the newest state and
    not with what shows in the one that made them.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("old")))
    >>> maker = newest(storage.new_instance())
    >>> value_in(maker.load(oid)[0])
    'old'
    >>> second = commit(storage, (oid, first, content("new")))
    >>> made = maker.new_instance()
    >>> value_in(made.load(oid)[0]), value_in(maker.load(oid)[0])
    ('new', 'old')
    """


@example("storage.created-after-the-snapshot", MUST, rules="STOR-35", needs="instances")
def created_after_the_snapshot() -> None:
    """An object that is newer than the state that an instance shows can't be loaded from it. The
    error says that there is no such object, or that it is newer: not every storage can look beyond
    its snapshot.

    >>> oid = storage.new_oid()
    >>> tid = commit(storage, (storage.new_oid(), z64, content("another")))
    >>> reader = newest(storage.new_instance())
    >>> tid = commit(storage, (oid, z64, content("created")))
    >>> with raises("POSKeyError", "ReadConflictError"):
    ...     reader.load(oid)
    >>> value_in(newest(reader).load(oid)[0])
    'created'
    """


@example(
    "storage.instance-reads-the-past",
    MUST,
    rules="STOR-35 STOR-23",
    needs="instances old-revisions",
)
def instance_reads_the_past() -> None:
    """Past revisions are read through an instance like the one that it shows, by `loadBefore` and
    `loadSerial`: connections to the past do so, and whoever merges changes. That a revision was
    replaced need not be told where this is newer than what shows.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("old")))
    >>> second = commit(storage, (oid, first, content("new")))
    >>> reader, newer = newest(storage.new_instance()), newest(storage.new_instance())
    >>> third = commit(storage, (oid, second, content("newer")))
    >>> newer = newest(newer)
    >>> seen, ends = [], []
    >>> for bound in second, third:
    ...     for instance in reader, newer:
    ...         data, tid, end = instance.loadBefore(oid, bound)
    ...         seen.append((value_in(data), tid in (first, second)))
    ...         ends.append(end)
    >>> seen
    [('old', True), ('old', True), ('new', True), ('new', True)]
    >>> ends[0] == ends[1] == second, ends[2] in (third, None), ends[3] == third
    (True, True, True)
    >>> [value_in(newer.loadSerial(oid, tid)) for tid in (first, second, third)]
    ['old', 'new', 'newer']
    >>> [value_in(reader.loadSerial(oid, tid)) for tid in (first, second)]
    ['old', 'new']
    """


@example("storage.undone-after-the-snapshot", MUST, rules="STOR-35", needs="instances undo")
def undone_after_the_snapshot() -> None:
    """What is undone changes no older snapshot, and is told like any other change.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("old")))
    >>> second = commit(storage, (oid, first, content("new")))
    >>> reader, meta = newest(storage.new_instance()), begun(storage)
    >>> undone = storage.undo(storage.undoLog(0, 1)[0]["id"], meta)
    >>> resolved = storage.tpc_vote(meta)
    >>> third = storage.tpc_finish(meta)
    >>> value_in(reader.load(oid)[0])
    'new'
    >>> told = reader.poll_invalidations()
    >>> told is None or oid in told, value_in(reader.load(oid)[0]), reader.load(oid)[1] == third
    (True, 'old', True)
    """


@example("storage.snapshot-and-packing", MUST, rules="STOR-35 STOR-49", needs="instances pack")
def snapshot_and_packing() -> None:
    """Packing may take away what an older snapshot shows. Then it can't be loaded, and the error is
    that of a missing object, or a conflict, which makes a program try again. What is loaded is
    never anything newer.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (z64, z64, content("root", one, two)),
    ...     (one, z64, content("old")), (two, z64, content("old")))
    >>> reader = newest(storage.new_instance())
    >>> value_in(reader.load(one)[0])
    'old'
    >>> second = commit(storage, (one, first, content("new")), (two, first, content("new")))
    >>> storage.pack(pause(), oids_in)
    >>> seen = []
    >>> for oid in one, two:
    ...     with allowing("POSKeyError", "ReadConflictError"):
    ...         seen.append(value_in(reader.load(oid)[0]))
    >>> set(seen) <= {"old"}
    True
    """


@example("storage.released-instance", MUST, rules="STOR-35", needs="instances")
def released_instance() -> None:
    """An instance that is not needed any more is released. That ends it and nothing else: the
    storage and all other instances go on to read and to commit.

    >>> oid, serial, seen = storage.new_oid(), z64, []
    >>> for n in range(3):
    ...     serial = commit(storage, (oid, serial, content(n)))
    ...     other, released = newest(storage.new_instance()), newest(storage.new_instance())
    ...     seen.append(value_in(released.load(oid)[0]))
    ...     serial = commit(released, (oid, serial, content(n)))
    ...     released.release()
    ...     serial = commit(other, (oid, serial, content(n)))
    >>> seen
    [0, 1, 2]
    >>> newest(storage).load(oid)[1] == newest(other).load(oid)[1] == serial
    True
    """


@example("storage.use-after-release-spares", MUST, rules="STOR-35", needs="instances")
def use_after_release_spares() -> None:
    """What becomes of calls of an instance that was released is not defined: each may fail, with
    any error, or have the instance begin anew. To release it once more does no harm. Whatever it
    is, what was committed is there, and nothing is that was not finished; and what others have
    begun goes on.

    >>> oid, released, finished = storage.new_oid(), newest(storage.new_instance()), []
    >>> new = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("one")))
    >>> meta = begun(released, (new, z64, content("new")))
    >>> released.release()
    >>> released.release()
    >>> calls = [
    ...     lambda: released.load(oid),
    ...     lambda: released.store(oid, first, content("late"), "", meta),
    ...     lambda: released.tpc_vote(meta),
    ...     lambda: finished.append(released.tpc_finish(meta)),
    ...     lambda: released.tpc_abort(meta),
    ...     released.poll_invalidations,
    ... ]
    >>> for call in calls:
    ...     with allowing("Exception"):
    ...         call()
    >>> values = values_of(storage, oid, new)
    >>> values == ["one", None] or (finished != [] and values[1] == "new")
    True
    >>> going_on = voted(storage, (oid, storage.load(oid)[1], content("two")))
    >>> with allowing("Exception"):
    ...     released.release()
    >>> second = storage.tpc_finish(going_on)
    >>> newest(storage).load(oid) == (content("two"), second)
    True
    """


@example(
    "storage.instance-history",
    MUST,
    rules="STOR-35 STOR-26",
    needs="instances history old-revisions",
)
def instance_history() -> None:
    """The history that an instance lists is that of what it shows, or of the newest state, as a
    storage likes. Once the instance has looked, these are the same.

    >>> oid = storage.new_oid()
    >>> tids = [commit(storage, (oid, z64, content(1)))]
    >>> reader = newest(storage.new_instance())
    >>> for n in 2, 3:
    ...     tids.insert(0, commit(storage, (oid, tids[0], content(n))))
    >>> def listed():
    ...     return [entry["tid"] for entry in reader.history(oid, size=9)]
    >>> listed() in (tids, tids[2:])
    True
    >>> told = reader.poll_invalidations()
    >>> listed() == tids
    True
    """


@example("storage.instances-conflict", MUST, rules="STOR-35", needs="instances")
def instances_conflict() -> None:
    """A revision that is not the current one any more can't be built upon, also where an instance
    shows it still. Nothing of the transaction is there after the abort.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (one, z64, content("old")), (two, z64, content("old")))
    >>> reader, meta = newest(storage.new_instance()), metadata()
    >>> serial = reader.load(one)[1]
    >>> second = commit(storage, (one, first, content("new")))
    >>> with raises("ConflictError"):
    ...     reader.tpc_begin(meta)
    ...     reader.store(two, first, content("lost"), "", meta)
    ...     reader.store(one, serial, content("lost"), "", meta)
    ...     reader.tpc_vote(meta)
    >>> reader.tpc_abort(meta)
    >>> [value_in(newest(reader).load(oid)[0]) for oid in (one, two)]
    ['new', 'old']
    """


@example("storage.instances-take-turns", MUST, rules="STOR-35 STOR-14", needs="instances")
def instances_take_turns() -> None:
    """Where two instances commit at the same time, in threads of their own, each gets a tid that no
    other has, and both transactions are there afterwards.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (one, z64, content("old")), (two, z64, content("old")))
    >>> instances, halts = [newest(storage.new_instance()) for n in range(2)], [Halt(), Halt()]
    >>> def begin_first(halt, place):
    ...     meta, serial = metadata(), newest(instances[0]).load(one)[1]
    ...     instances[0].tpc_begin(meta)
    ...     instances[0].store(one, serial, content("first"), "", meta)
    ...     if place == 0:
    ...         halt()
    ...     instances[0].tpc_vote(meta)
    ...     if place == 1:
    ...         halt()
    ...     return instances[0].tpc_finish(meta)
    >>> def begin_second():
    ...     return commit(instances[1], (two, newest(instances[1]).load(two)[1], content("second")))
    >>> seen = []
    >>> for place, halt in enumerate(halts):
    ...     tids = meanwhile(lambda: begin_first(halt, place), begin_second, halt)
    ...     serials = [newest(storage).load(oid)[1] for oid in (one, two)]
    ...     seen.append((len({first, *tids}), serials == list(tids)))
    >>> seen
    [(3, True), (3, True)]
    >>> newest(storage).lastTransaction() == max(tids)
    True
    """


@example("storage.instances-lose-no-update", MUST, rules="STOR-35", needs="instances")
def instances_lose_no_update() -> None:
    """Any number of threads, each with an instance, can change one object: whoever has a conflict
    aborts, looks again, and tries again, and no change is lost.

    >>> oid = storage.new_oid()
    >>> tid = commit(storage, (oid, z64, content(0)))
    >>> def work(instance):
    ...     done = tries = 0
    ...     while done < 5 and tries < 500:
    ...         tries += 1
    ...         (data, serial), meta = newest(instance).load(oid), metadata()
    ...         with allowing("ConflictError"):
    ...             tid = commit(instance, (oid, serial, content(value_in(data) + 1)), meta=meta)
    ...             done += 1
    ...             continue
    ...         instance.tpc_abort(meta)
    >>> instances = [storage.new_instance() for n in range(3)]
    >>> results = at_once(*(lambda instance=instance: work(instance) for instance in instances))
    >>> value_in(newest(storage).load(oid)[0])
    15
    """


@example("storage.instances-share-their-oids", MUST, rules="STOR-35 STOR-18", needs="instances")
def instances_share_their_oids() -> None:
    """An oid that one instance has given is given by no other one, whether it was used or not.

    >>> instances = [storage, storage.new_instance(), storage.new_instance()]
    >>> oids = [instance.new_oid() for n in range(40) for instance in instances]
    >>> tid = commit(instances[1], (oids[-1], z64, content("created")))
    >>> instances.append(storage.new_instance())
    >>> oids += [instance.new_oid() for n in range(40) for instance in instances]
    >>> len(set(oids)) == len(oids)
    True
    """


@example("storage.instances-are-alike", MUST, rules="STOR-35 SER-19", needs="instances")
def instances_are_alike() -> None:
    """Every instance is a storage of the same kind as the one that made it: it provides the same
    interfaces, and what was stored through one is read through all, to the byte.

    So a wrapper, which changes records on their way to another storage, wraps each instance of that
    as well, or does not say that it has instances: the layer above asks nobody but the wrapper, and
    would go on to work with what lies behind it. It would store there what the wrapper can't read.

    >>> from zope.interface import providedBy
    >>> instances, oids, seen = [storage, storage.new_instance()], [], []
    >>> instances.append(instances[1].new_instance())
    >>> kinds = [{each.__name__ for each in providedBy(one).flattened()} for one in instances]
    >>> kinds[0] == kinds[1] == kinds[2]
    True
    >>> for writer in instances:
    ...     oids.append(newest(writer).new_oid())
    ...     tid = commit(writer, (oids[-1], z64, content("any")))
    ...     seen += [newest(reader).load(oids[-1]) == (content("any"), tid) for reader in instances]
    >>> set(seen)
    {True}
    """


@example("storage.instances-sort-alike", MUST, rules="STOR-35 STOR-30", needs="instances")
def instances_sort_alike() -> None:
    """All instances have the `sortKey` of their storage: who takes part in a transaction says so
    before it has an instance.

    >>> instance = storage.new_instance()
    >>> storage.sortKey() == instance.sortKey() == instance.new_instance().sortKey()
    True
    """


@example("storage.instance-callback-comes-first", SHOULD, rules="STOR-9 STOR-35", needs="instances")
def instance_callback_comes_first() -> None:
    """The callback of `tpc_finish` is called before another instance can see the transaction. One
    that is asked meanwhile what has changed tells nothing of it, or waits until it is finished.

    The layer above instances has no use for the callback, since each of them is asked what has
    changed; and a storage that calls it when the transaction is committed holds its locks for a
    shorter time.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("old")))
    >>> reader, seen = newest(storage.new_instance()), []
    >>> def callback(tid):
    ...     looking = Background(lambda: newest(reader).load(oid)[1])
    ...     looking.stand()
    ...     seen.append((looking, looking.is_alive()))
    >>> meta = voted(storage, (oid, first, content("new")))
    >>> tid = storage.tpc_finish(meta, callback)
    >>> [was_waiting or looking.result() == first for looking, was_waiting in seen]
    [True]
    >>> serial = seen[0][0].result()
    >>> newest(reader).load(oid)[1] == tid
    True
    """


@example("storage.instance-counts-what-all-have", MUST, rules="STOR-36", needs="instances")
def instance_counts_what_all_have() -> None:
    """How many objects there are, and how large they are, is told of the newest state, as well as
    the storage can tell: by all instances the same, whatever they show.

    >>> reader = newest(storage.new_instance())
    >>> oids = [storage.new_oid() for n in range(20)]
    >>> tid = commit(storage, *((oid, z64, content("created")) for oid in oids))
    >>> len(reader) == len(newest(storage.new_instance()))
    True
    >>> reader.getSize() == newest(storage.new_instance()).getSize()
    True
    """


@example("storage.instance-iterates-the-newest", MUST, rules="STOR-36", needs="instances iteration")
def instance_iterates_the_newest() -> None:
    """To iterate over the transactions goes up to the last of all, whatever an instance shows.

    >>> oid = storage.new_oid()
    >>> tids = [commit(storage, (oid, z64, content("old")))]
    >>> reader = newest(storage.new_instance())
    >>> tids += [commit(storage, (oid, tids[0], content("new")))]
    >>> found = [(txn.tid, [record.oid for record in txn]) for txn in reader.iterator()]
    >>> found[-1] == (tids[1], [oid])
    True
    """


@example("storage.instance-undoes-the-newest", MUST, rules="STOR-36", needs="instances undo")
def instance_undoes_the_newest() -> None:
    """The undo log is that of all transactions, whatever an instance shows, and each of them can be
    undone through it.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content("old")))
    >>> reader = newest(storage.new_instance())
    >>> noted = metadata(description=b"the last one")
    >>> second = commit(storage, (oid, first, content("new")), meta=noted)
    >>> entry, meta = reader.undoLog(0, 1)[0], begun(reader)
    >>> entry["description"]
    b'the last one'
    >>> undone = reader.undo(entry["id"], meta)
    >>> resolved = reader.tpc_vote(meta)
    >>> tid = reader.tpc_finish(meta)
    >>> value_in(newest(storage).load(oid)[0])
    'old'
    """


@example("storage.instance-packs-the-newest", MUST, rules="STOR-36", needs="instances pack")
def instance_packs_the_newest() -> None:
    """To pack looks at the newest state, whatever an instance shows: what can be reached there
    stays, in its current revision.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (z64, z64, content("root", one)), (one, z64, content("old")))
    >>> reader = newest(storage.new_instance())
    >>> second = commit(storage, (z64, first, content("root", one, two)),
    ...     (one, first, content("new")), (two, z64, content("created")))
    >>> reader.pack(pause(), oids_in)
    >>> [value_in(newest(storage).load(oid)[0]) for oid in (one, two)]
    ['new', 'created']
    >>> [value_in(newest(reader).load(oid)[0]) for oid in (one, two)]
    ['new', 'created']
    """
