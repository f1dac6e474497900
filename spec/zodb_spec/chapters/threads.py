"""Threads: connections that work at the same time, each in a thread of its own.

A connection belongs to one thread at a time, so threads meet in what they share: the database with
its pool of connections, and the storage. Each example here forces the threads to meet where a race
has been, or may be: it halts one of them there until the other one has done its part, or waits for
the first. Where there is no lock to wait for, that is every step that the first one takes.

It is `meanwhile` that does this, at a `Halt`, `Before` or `After` a call, or, for every step of a
thread, `at_every_step`.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example, text
from zodb_spec.editions import CURRENT


@text("thread.one-at-a-time", MUST, rules="CONN-49", binds="caller")
def one_at_a_time() -> None:
    """A connection, and all objects that were loaded through it, are used by one thread at a time.
    A program that lets several threads use them has to provide the lock. So a thread hands to
    another one what identifies an object, its oid or the way to it from the root, and not the
    object.
    """


@text("thread.one-connection-each", SHOULD, rules="CONN-50", binds="caller")
def one_connection_each() -> None:
    """A thread uses one connection to a database, and not several: each of them has objects, and a
    state that it shows, of its own.
    """


@example("thread.own-manager-by-default", MUST, rules="CONN-2")
def own_manager_by_default() -> None:
    """A connection that is opened without a transaction manager is bound to that of the thread
    that opens it: what another thread commits are the changes of its own connections.

    >>> connection.root()["mine"], connection.root()["theirs"] = Thing(), Thing()
    >>> tm.commit()
    >>> mine = db.open()
    >>> mine.root()["mine"].a = 1
    >>> def work():
    ...     theirs = db.open()
    ...     theirs.root()["theirs"].a = 1
    ...     transaction.commit()
    ...     theirs.close()
    >>> in_thread(work)
    >>> [hasattr(opened(db).root()[name], "a") for name in ("mine", "theirs")]
    [False, True]
    >>> transaction.commit()
    >>> hasattr(opened(db).root()["mine"], "a")
    True
    >>> mine.close()
    """


@example("thread.own-boundaries", MUST, rules="ISO-1 ISO-2")
def own_boundaries() -> None:
    """The transactions of a thread begin and end for the connections of that thread: whatever
    another thread begins, commits or aborts with its own manager, the state that a connection shows
    stays the same.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 0
    >>> tm.commit()
    >>> mine = db.open()
    >>> mine.root()["thing"].a
    0
    >>> thing.a = 1
    >>> tm.commit()
    >>> def work():
    ...     theirs = db.open()
    ...     transaction.begin()
    ...     theirs.root()["theirs"] = 1
    ...     transaction.commit()
    ...     theirs.root()["theirs"] = 2
    ...     transaction.abort()
    ...     theirs.close()
    >>> in_thread(work)
    >>> mine.cacheMinimize()
    >>> mine.root()["thing"].a, "theirs" in mine.root()
    (0, False)
    >>> transaction.begin()
    >>> mine.root()["thing"].a, "theirs" in mine.root()
    (1, True)
    >>> mine.close()
    """


@example("thread.closed-by-another", MUST, rules="CONN-2 ISO-1")
def closed_by_another() -> None:
    """A connection may be closed by another thread than the one that has opened it, when that does
    not use it any more, as a server does that is shutting down. From then on the manager with which
    it was opened has nothing to do with it, even where it is opened again.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 0
    >>> tm.commit()
    >>> other, handed_over, halt = transaction.TransactionManager(), [], Halt()
    >>> def open_and_go_on():
    ...     handed_over.append(db.open())
    ...     halt()
    ...     transaction.begin()
    ...     transaction.abort()
    >>> def close_and_open_again():
    ...     handed_over[0].close()
    ...     again = db.open(transaction_manager=other)
    ...     again.root()["thing"]._p_activate()
    ...     thing.a = 1
    ...     tm.commit()
    ...     return again
    >>> _, again = meanwhile(open_and_go_on, close_and_open_again, halt)
    >>> again.cacheMinimize()
    >>> again.root()["thing"].a
    0
    >>> other.begin()
    >>> again.root()["thing"].a
    1
    >>> again.close()
    """


@example("thread.openings-differ", MUST, rules="CONN-3")
def openings_differ() -> None:
    """Of several threads that open a connection at the same time, each gets one that no other has,
    bound to the manager that it gave, whether there is one in the pool or not.

    >>> one, two = transaction.TransactionManager(), transaction.TransactionManager()
    >>> def schedule(halt):
    ...     first, second = meanwhile(
    ...         lambda: db.open(transaction_manager=one),
    ...         lambda: db.open(transaction_manager=two),
    ...         halt,
    ...     )
    ...     managers = first.transaction_manager, second.transaction_manager
    ...     first.close()
    ...     if second is not first:
    ...         second.close()
    ...     return first is second, managers == (one, two)
    >>> at_every_step(schedule)
    {(False, True)}
    """


@example("thread.closing-against-reuse", MUST, rules="CONN-3 CONN-2")
def closing_against_reuse() -> None:
    """A connection that is being closed is given to another thread when nothing is left to do to
    it, and not before. From then on the closing thread leaves it alone: the new user finds its own
    manager there, and commits.

    >>> one, two = transaction.TransactionManager(), transaction.TransactionManager()
    >>> def schedule(halt):
    ...     closing = db.open(transaction_manager=one)
    ...     _, reused = meanwhile(
    ...         closing.close, lambda: db.open(transaction_manager=two), halt
    ...     )
    ...     kept = reused.transaction_manager is two
    ...     number = reused.root()["number"] = reused.root().get("number", 0) + 1
    ...     two.commit()
    ...     connection.sync()
    ...     reused.close()
    ...     return kept, connection.root()["number"] == number
    >>> at_every_step(schedule)
    {(True, True)}
    """


@example("thread.callbacks-come-before-reuse", MUST, rules="CONN-3 CONN-15")
def callbacks_come_before_reuse() -> None:
    """While a callback of `onCloseCallback` runs, the connection that is being closed is not given
    to anybody else. Who opens one meanwhile gets another, or waits until the callback has ended.

    >>> closing, manager, halt, ended = opened(db), transaction.TransactionManager(), Halt(), []
    >>> root = closing.root()
    >>> def callback():
    ...     halt()
    ...     ended.append("ended")
    >>> closing.onCloseCallback(callback)
    >>> def open_one():
    ...     other = db.open(transaction_manager=manager)
    ...     return other, other.root() is root and not ended
    >>> _, (other, is_the_same) = meanwhile(closing.close, open_one, halt)
    >>> halt.halted, is_the_same
    (True, False)
    >>> other.close()
    """


@example("thread.boundary-against-finishing", MUST, rules="ISO-2 ISO-3")
def boundary_against_finishing() -> None:
    """Where another thread commits while a connection passes a boundary, what the connection shows
    from then on and what it has invalidated belong together: it shows all changes of that commit or
    none of them, and all after its next boundary. No object in memory, be it loaded before or
    after, is newer or older than the state that is shown.

    >>> one, two = connection.root()["one"], connection.root()["two"] = Thing(), Thing()
    >>> one.n = two.n = 0
    >>> tm.commit()
    >>> def write():
    ...     one.n += 1
    ...     two.n += 1
    ...     tm.commit()
    >>> reader = opened(db)
    >>> def seen():
    ...     return [reader.root()[name].n for name in ("one", "two")]
    >>> def schedule(halt):
    ...     before = one.n
    ...     seen()
    ...     reader.root()["two"]._p_deactivate()
    ...     meanwhile(reader.sync, write, halt)
    ...     at_first = seen()
    ...     reader.transaction_manager.abort()
    ...     return tuple(n - before for n in (*at_first, *seen()))
    >>> at_every_step(schedule) - {(0, 0, 1, 1), (1, 1, 1, 1)}
    set()
    """


@example("thread.opening-against-finishing", MUST, rules="ISO-2 ISO-3 CONN-20")
def opening_against_finishing() -> None:
    """Where another thread commits while a connection is opened again, with the objects that it
    still has, what it shows and what it has invalidated belong together: it shows all changes of
    that commit or none of them, and all after its next boundary.

    >>> one, two = connection.root()["one"], connection.root()["two"] = Thing(), Thing()
    >>> one.n = two.n = 0
    >>> tm.commit()
    >>> def write():
    ...     one.n += 1
    ...     two.n += 1
    ...     tm.commit()
    >>> manager = transaction.TransactionManager()
    >>> def open_reader():
    ...     return db.open(transaction_manager=manager)
    >>> def schedule(halt):
    ...     before, reader = one.n, open_reader()
    ...     kept = [reader.root()[name] for name in ("one", "two")]
    ...     for thing in kept:
    ...         thing._p_activate()
    ...     kept[1]._p_deactivate()
    ...     reader.close()
    ...     reader, _ = meanwhile(open_reader, write, halt)
    ...     at_first = [reader.root()[name].n - before for name in ("one", "two")]
    ...     reader.sync()
    ...     later = [reader.root()[name].n - before for name in ("one", "two")]
    ...     reader.close()
    ...     return (*at_first, *later)
    >>> at_every_step(schedule) - {(0, 0, 1, 1), (1, 1, 1, 1)}
    set()
    """


@example("thread.closing-against-finishing", MUST, rules="CONN-20 ISO-3")
def closing_against_finishing() -> None:
    """What another thread commits while a connection is being closed is shown by it when it is
    opened again.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n = 0
    >>> tm.commit()
    >>> def write():
    ...     thing.n += 1
    ...     tm.commit()
    >>> manager = transaction.TransactionManager()
    >>> def schedule(halt):
    ...     reader = db.open(transaction_manager=manager)
    ...     kept = reader.root()["thing"]
    ...     kept._p_activate()
    ...     meanwhile(reader.close, write, halt)
    ...     reader = db.open(transaction_manager=manager)
    ...     missing = thing.n - reader.root()["thing"].n
    ...     reader.close()
    ...     return missing
    >>> at_every_step(schedule)
    {0}
    """


@example(
    "thread.opening-against-database-close",
    SHOULD,
    rules="CONN-52",
    since=CURRENT,
    needs="several-databases",
)
def opening_against_database_close() -> None:
    """A database may be closed while another thread opens a connection to it, as when a server is
    shut down that is still asked for something. The database is closed as ever; the other thread
    gets an error, or a connection that is closed, and nothing that it wants to store is stored.

    >>> def schedule(place):
    ...     closing, manager = open_db(), transaction.TransactionManager()
    ...     def open_it():
    ...         with allowing("Exception"):
    ...             return closing.open(transaction_manager=manager)
    ...     late, _ = meanwhile(open_it, closing.close, place(manager, "registerSynch"))
    ...     with allowing("Exception"):
    ...         late.root()["a"] = 1
    ...         manager.commit()
    ...         return "stored"
    ...     return "refused"
    >>> schedule(Before), schedule(After)
    ('refused', 'refused')
    """


@example(
    "thread.database-close-is-told",
    SHOULD,
    rules="CONN-52",
    error="Exception",
    since=CURRENT,
    needs="several-databases",
)
def database_close_is_told() -> None:
    """Where a database is closed while another thread has changes in it, this thread learns of
    that: its commit fails, and stores nothing of what it has changed elsewhere in the transaction.

    Who aborts the transaction of another thread lets it go on in a new one, which has nothing to
    commit: the commit returns, and what the thread believes to be stored is lost.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> other = second.open(transaction_manager=tm)
    >>> other.root()["a"] = connection.root()["a"] = 1
    >>> in_thread(db.close)
    >>> with raises("Exception"):
    ...     tm.commit()
    >>> tm.abort()
    >>> list(opened(second).root())
    []
    """


@example("thread.database-close-spares-others", MUST, rules="CONN-53", needs="several-databases")
def database_close_spares_others() -> None:
    """What another thread has changed in other databases, a database that is closed does not take
    away, though the thread has read from it in the same transaction. The commit stores these
    changes, or fails: it does not return without them.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> other, read = second.open(transaction_manager=tm), len(connection.root())
    >>> other.root()["a"] = 1
    >>> in_thread(db.close)
    >>> is_stored = False
    >>> with allowing("Exception"):
    ...     tm.commit()
    ...     is_stored = True
    >>> tm.abort()
    >>> ("a" in opened(second).root()) == is_stored
    True
    """


@example("thread.emptying-against-change", MUST, rules="CONN-59 CONN-22")
def emptying_against_change() -> None:
    """A program may have a database empty its caches while other threads work in transactions that
    they have begun, as who looks after a server does where memory is short. What another thread is
    changing is not taken away under its hands: the change is stored together with all else that the
    object holds.

    >>> mapping = connection.root()["mapping"] = PersistentMapping({"kept": 1, "number": 0})
    >>> tm.commit()
    >>> reader = opened(db)
    >>> def change():
    ...     tm.begin()
    ...     mapping["number"] += 1
    ...     tm.commit()
    >>> def schedule(empty, halt):
    ...     before = mapping["number"]
    ...     meanwhile(change, empty, halt)
    ...     reader.sync()
    ...     seen = reader.root()["mapping"]
    ...     return seen["kept"], seen["number"] - before
    >>> at_every_step(lambda halt: schedule(db.cacheMinimize, halt))
    {(1, 1)}
    >>> at_every_step(lambda halt: schedule(db.cacheFullSweep, halt))
    {(1, 1)}
    """


@example("thread.loading-against-invalidation", MUST, rules="ISO-1 ISO-3 ISO-5")
def loading_against_invalidation() -> None:
    """Where another thread commits a change of an object that a connection is just loading, the
    connection loads the state that belongs to the state it shows, and the invalidation is not lost
    by that: after the next boundary it shows the change.

    >>> one, two = connection.root()["one"], connection.root()["two"] = Thing(), Thing()
    >>> one.n = two.n = 0
    >>> tm.commit()
    >>> def write():
    ...     one.n += 1
    ...     two.n += 1
    ...     tm.commit()
    >>> reader = opened(db)
    >>> things = [reader.root()[name] for name in ("one", "two")]
    >>> def seen():
    ...     return [thing.n for thing in things]
    >>> def schedule(halt):
    ...     before = one.n
    ...     reader.sync()
    ...     for thing in things:
    ...         thing._p_deactivate()
    ...     at_first, _ = meanwhile(seen, write, halt)
    ...     reader.sync()
    ...     return tuple(n - before for n in (*at_first, *seen()))
    >>> at_every_step(schedule)
    {(0, 0, 1, 1)}
    """


@example("thread.state-against-invalidation", MUST, rules="ISO-1 ISO-5")
def state_against_invalidation() -> None:
    """An object that takes its time over its state, in its `__setstate__`, while another thread
    commits a change of it, shows what was there before, and the change from the next boundary on.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n = 0
    >>> tm.commit()
    >>> def write():
    ...     thing.n += 1
    ...     tm.commit()
    >>> def schedule(halt):
    ...     reader, before = opened(db), thing.n
    ...     at_first, _ = meanwhile(lambda: reader.root()["thing"].n, write, halt)
    ...     reader.sync()
    ...     return at_first - before, reader.root()["thing"].n - before
    >>> schedule(Before(Thing, "__setstate__")), schedule(After(Thing, "__setstate__"))
    ((0, 1), (0, 1))
    """


@example("thread.finishing-against-boundary", MUST, rules="ISO-2 ISO-3", needs="raw-records")
def finishing_against_boundary() -> None:
    """Where a connection passes a boundary while another thread is finishing a commit, it shows all
    changes of that commit or none of them, and all after a boundary that comes when the commit has
    returned. This holds at every point on the way: before and after the storage finishes, and
    before and after it calls what announces the transaction to the connections.

    >>> one, two = connection.root()["one"], connection.root()["two"] = Thing(), Thing()
    >>> one.n = two.n = 0
    >>> tm.commit()
    >>> def write():
    ...     one.n += 1
    ...     two.n += 1
    ...     tm.commit()
    >>> reader = opened(db)
    >>> def seen():
    ...     return [reader.root()[name].n for name in ("one", "two")]
    >>> def pass_boundary():
    ...     reader.sync()
    ...     return seen()
    >>> def schedule(halt):
    ...     before = one.n
    ...     seen()
    ...     reader.root()["two"]._p_deactivate()
    ...     _, at_first = meanwhile(write, pass_boundary, halt)
    ...     reader.sync()
    ...     return tuple(n - before for n in (*at_first, *seen()))
    >>> places = [
    ...     place(db.storage, "tpc_finish", callback=callback)
    ...     for place in (Before, After)
    ...     for callback in (False, True)
    ... ]
    >>> {schedule(place) for place in places} - {(0, 0, 1, 1), (1, 1, 1, 1)}
    set()
    """
