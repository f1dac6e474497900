"""Commits of several threads: each has its turn, and nothing is lost or mixed.

The examples halt one commit between its phases, where another participant of the transaction is
called, before or after the connection: the empty text comes first in the order of participants, and
``chr(0x10FFFF)`` last. Two examples go without a schedule: they let several threads work as they
like, in each other's way.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example
from zodb_spec.editions import CURRENT


@example("thread.first-committer-wins", MUST, rules="ISO-8", binds="storage")
def first_committer_wins() -> None:
    """Where two threads commit changes that were made from one revision of an object, one of them
    fails with a conflict, wherever in its commit the first one is when the second one comes. Both
    would only be told that they succeeded if one change were lost.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n = 0
    >>> tm.commit()
    >>> other = opened(db)
    >>> def add_one(connection):
    ...     manager = connection.transaction_manager
    ...     with allowing("ConflictError"):
    ...         manager.commit()
    ...         return 1
    ...     manager.abort()
    ...     return 0
    >>> def schedule(phase, place):
    ...     before, halt = thing.n, Halt()
    ...     for each in (connection, other):
    ...         each.sync()
    ...         each.root()["thing"].n += 1
    ...     tm.get().join(Participant(place, [], **{phase: halt}))
    ...     told = meanwhile(lambda: add_one(connection), lambda: add_one(other), halt)
    ...     connection.sync()
    ...     return sum(told), thing.n - before
    >>> {
    ...     schedule(phase, place)
    ...     for phase in ("tpc_begin", "commit", "tpc_vote", "tpc_finish")
    ...     for place in ("", chr(0x10FFFF))
    ... }
    {(1, 1)}
    """


@example("thread.commits-do-not-mix", MUST, rules="STOR-5 ISO-1", binds="storage")
def commits_do_not_mix() -> None:
    """Where two threads commit changes of different objects, both succeed, wherever in its commit
    the first one is when the second one comes: each waits for its turn, and neither for ever.

    >>> for name in ("one", "two"):
    ...     connection.root()[name] = Thing()
    ...     connection.root()[name].n = 0
    >>> tm.commit()
    >>> other, reader = opened(db), opened(db)
    >>> def schedule(phase, place):
    ...     reader.sync()
    ...     before, halt = [reader.root()[name].n for name in ("one", "two")], Halt()
    ...     connection.root()["one"].n += 1
    ...     other.root()["two"].n += 1
    ...     tm.get().join(Participant(place, [], **{phase: halt}))
    ...     meanwhile(tm.commit, other.transaction_manager.commit, halt)
    ...     reader.sync()
    ...     return tuple(reader.root()[n].n - old for n, old in zip(("one", "two"), before))
    >>> {
    ...     schedule(phase, place)
    ...     for phase in ("tpc_begin", "commit", "tpc_vote", "tpc_finish")
    ...     for place in ("", chr(0x10FFFF))
    ... }
    {(1, 1)}
    """


@example("thread.committing-against-boundary", MUST, rules="ISO-2 ISO-3")
def committing_against_boundary() -> None:
    """Where a connection passes a boundary while another thread is committing, it shows all changes
    of that commit or none of them, at whatever step the commit is, and all after a boundary that
    comes when the commit has returned.

    >>> one, two = connection.root()["one"], connection.root()["two"] = Thing(), Thing()
    >>> one.n = two.n = 0
    >>> tm.commit()
    >>> reader = opened(db)
    >>> own = [reader.root()[name] for name in ("one", "two")]
    >>> def pass_boundary():
    ...     reader.sync()
    ...     return [thing.n for thing in own]
    >>> def schedule(halt):
    ...     before = pass_boundary()[0]
    ...     own[1]._p_deactivate()
    ...     one.n += 1
    ...     two.n += 1
    ...     _, at_first = meanwhile(tm.commit, pass_boundary, halt)
    ...     return tuple(n - before for n in (*at_first, *pass_boundary()))
    >>> at_every_step(schedule) - {(0, 0, 1, 1), (1, 1, 1, 1)}
    set()
    """


@example("thread.undo-against-boundary", MUST, rules="STOR-55 ISO-3", needs="undo")
def undo_against_boundary() -> None:
    """Connections that pass a boundary while a transaction is being undone show it as it was or
    undone as a whole, and are told of it when it is done, and not before.

    >>> one, two = connection.root()["one"], connection.root()["two"] = Thing(), Thing()
    >>> one.n = two.n = 0
    >>> tm.commit()
    >>> reader = opened(db)
    >>> own = [reader.root()[name] for name in ("one", "two")]
    >>> def pass_boundary():
    ...     reader.sync()
    ...     return [thing.n for thing in own]
    >>> def schedule(phase, place):
    ...     for thing in (one, two):
    ...         thing.n = 1
    ...     tm.commit()
    ...     pass_boundary()
    ...     own[1]._p_deactivate()
    ...     db.undo(db.undoLog(0, 1)[0]["id"], txn=tm.get())
    ...     halt = Halt()
    ...     tm.get().join(Participant(place, [], **{phase: halt}))
    ...     _, at_first = meanwhile(tm.commit, pass_boundary, halt)
    ...     tm.begin()
    ...     return (*at_first, *pass_boundary(), one.n, two.n)
    >>> {
    ...     schedule(phase, place)
    ...     for phase in ("tpc_begin", "commit", "tpc_vote", "tpc_finish")
    ...     for place in ("", chr(0x10FFFF))
    ... } - {(1, 1, 0, 0, 0, 0), (0, 0, 0, 0, 0, 0)}
    set()
    """


@example("thread.own-commit-against-others", MUST, rules="ISO-5 ISO-34")
def own_commit_against_others() -> None:
    """What other threads commit while a connection is committing changes of other objects is shown
    after the next boundary that comes when both have returned: that it leaves its own objects alone
    does not make it miss an invalidation.

    >>> for name in ("mine", "theirs"):
    ...     connection.root()[name] = Thing()
    ...     connection.root()[name].n = 0
    >>> tm.commit()
    >>> other = opened(db)
    >>> def write():
    ...     other.root()["theirs"].n += 1
    ...     other.transaction_manager.commit()
    >>> def schedule(phase, place):
    ...     connection.sync()
    ...     connection.root()["theirs"]._p_activate()
    ...     connection.root()["mine"].n += 1
    ...     halt = Halt()
    ...     tm.get().join(Participant(place, [], **{phase: halt}))
    ...     meanwhile(tm.commit, write, halt)
    ...     tm.begin()
    ...     return other.root()["theirs"].n - connection.root()["theirs"].n
    >>> {
    ...     schedule(phase, place)
    ...     for phase in ("tpc_begin", "commit", "tpc_vote", "tpc_finish")
    ...     for place in ("", chr(0x10FFFF))
    ... }
    {0}
    """


@example("thread.read-current-against-commit", MUST, rules="CONN-32", since=CURRENT)
def read_current_against_commit() -> None:
    """What `readCurrent` has marked is current at the moment of the commit: where another thread
    commits a change of it meanwhile, either this commit fails, or the other one comes after it.

    >>> for name in ("mine", "theirs"):
    ...     connection.root()[name] = Thing()
    ...     connection.root()[name].n = 0
    >>> tm.commit()
    >>> other = opened(db)
    >>> def write():
    ...     other.root()["theirs"].n += 1
    ...     other.transaction_manager.commit()
    >>> def commit():
    ...     with allowing("ReadConflictError"):
    ...         tm.commit()
    ...         return "committed"
    ...     tm.abort()
    ...     return "failed"
    >>> def schedule(phase, place):
    ...     connection.sync()
    ...     mine, theirs, halt = connection.root()["mine"], connection.root()["theirs"], Halt()
    ...     theirs._p_activate()
    ...     connection.readCurrent(theirs)
    ...     mine.n += 1
    ...     tm.get().join(Participant(place, [], **{phase: halt}))
    ...     told, _ = meanwhile(commit, write, halt)
    ...     connection.sync()
    ...     for thing in (mine, theirs):
    ...         thing._p_activate()
    ...     return told, "after" if theirs._p_serial > mine._p_serial else "before"
    >>> {
    ...     schedule(phase, place)
    ...     for phase in ("tpc_begin", "commit", "tpc_vote", "tpc_finish")
    ...     for place in ("", chr(0x10FFFF))
    ... } - {("committed", "after"), ("failed", "after")}
    set()
    """


@example("thread.additions-get-different-oids", MUST, rules="LIFE-15", binds="storage")
def additions_get_different_oids() -> None:
    """Objects that are added by several threads at the same time get different oids.

    >>> other = opened(db)
    >>> def schedule(halt):
    ...     one, two = Thing(), Thing()
    ...     meanwhile(lambda: connection.add(one), lambda: other.add(two), halt)
    ...     different = one._p_oid != two._p_oid
    ...     tm.abort()
    ...     other.transaction_manager.abort()
    ...     return different
    >>> at_every_step(schedule)
    {True}
    """


@example("thread.transfers-keep-the-sum", MUST, rules="ISO-12")
def transfers_keep_the_sum() -> None:
    """Threads that work at the same time, without a schedule, see whole transactions and lose none:
    where each of them moves something from one object to another, none ever sees a sum that is
    wrong, and each succeeds, if it tries again after a conflict.

    >>> accounts = [Thing(), Thing(), Thing()]
    >>> connection.root()["accounts"] = accounts
    >>> for account in accounts:
    ...     account.balance = 100
    >>> tm.commit()
    >>> def transferring(source, target):
    ...     own, sums = opened(db), set()
    ...     def work():
    ...         for _ in range(20):
    ...             for attempt in own.transaction_manager.attempts(1000):
    ...                 with attempt:
    ...                     accounts = own.root()["accounts"]
    ...                     sums.add(sum(account.balance for account in accounts))
    ...                     accounts[source].balance -= 1
    ...                     accounts[target].balance += 2
    ...                     accounts[source].balance -= 1
    ...         return sums
    ...     return work
    >>> at_once(transferring(0, 1), transferring(1, 2), transferring(2, 0))
    [{300}, {300}, {300}]
    >>> tm.begin()
    >>> [account.balance for account in accounts]
    [100, 100, 100]
    """


@example("thread.additions-are-all-stored", MUST, rules="LIFE-15 STOR-5", binds="storage")
def additions_are_all_stored() -> None:
    """What threads add at the same time, without a schedule, is all stored, each object under an
    oid of its own.

    >>> def adding(name):
    ...     own = opened(db)
    ...     def work():
    ...         oids = []
    ...         for number in range(20):
    ...             thing = Thing()
    ...             thing.value = name, number
    ...             own.add(thing)
    ...             oids.append(thing._p_oid)
    ...             own.transaction_manager.commit()
    ...         return oids
    ...     return work
    >>> oids = at_once(adding("a"), adding("b"), adding("c"))
    >>> len({oid for of_thread in oids for oid in of_thread})
    60
    >>> tm.begin()
    >>> [[connection.get(oid).value for oid in of_thread] for of_thread in oids] == [
    ...     [(name, number) for number in range(20)] for name in ("a", "b", "c")
    ... ]
    True
    """
