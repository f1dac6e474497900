"""Transactions: a commit stores everything or nothing, and says which.

A transaction manager holds the current transaction, which the connections join when something in
them changes.  The commit runs in two phases over all that joined: everybody prepares (begin,
commit, vote), and only when all have voted does anybody finish.  Whatever fails before that point
leaves the database as it was, and the transaction in a state in which it accepts nothing but its
abort.
"""

from __future__ import annotations

from zodb_spec.clause import MAY, MUST, id_of, step
from zodb_spec.editions import Edition
from zodb_spec.work import Work
from zodb_spec.world import CHANGED, Fact, Name, Record, State, Tid, Unpicklable, World


@step("transaction.commit-stores-changes", MUST, rules="LIFE-16 TXN-1")
def commit_stores_changes(world: World, thing: Name) -> bool:
    """A commit that no clause refuses returns, and one that returns has stored the state of every
    object that changed in the transaction, all under one tid.
    """
    return world.objects[thing].status.value == CHANGED


@step("transaction.tids-increase", MUST, rules="LIFE-16 STOR-14", binds="storage")
def next_tid(world: World, database: Name) -> Tid:
    """The tid of a transaction is greater than those of all transactions before it in its database.

    What is newer than what is decided by comparing tids, everywhere.
    """
    return world.databases[database].last + 1


@step("transaction.all-or-nothing", MUST, rules="ISO-8 SER-23")
def nothing_stored(world: World, manager: Name) -> World:
    """A commit that raises an error before its second phase has stored nothing: every database
    shows the same transactions and the same records as before.
    """
    return world


@step(
    "transaction.failed-refuses-commit",
    MUST,
    rules="ISO-10",
    binds="dependency",
    error="TransactionFailedError",
)
def failed_refuses_commit(world: World, manager: Name) -> bool:
    """After a failed commit, the transaction refuses every further commit until it is aborted or a
    new one is begun.

    A program that swallows the error of a commit must not be able to store the other half of its
    work with the next.
    """
    return world.managers[manager].status.value == "failed"


@step(
    "transaction.failed-refuses-join",
    MUST,
    rules="ISO-10 LIFE-19 TXN-5",
    error="TransactionFailedError",
)
def failed_refuses_join(world: World, manager: Name) -> bool:
    """After a failed commit, a change of an object whose connection has not joined the transaction
    is refused, until the transaction is aborted or a new one is begun.  The object keeps its value,
    since it registers before it changes.
    """
    return world.managers[manager].status.value == "failed"


@step(
    "transaction.doomed-refuses-commit",
    MUST,
    rules="TXN-6",
    binds="dependency",
    error="DoomedTransaction",
    since=Edition.C,
)
def doomed_refuses_commit(world: World, manager: Name) -> bool:
    """A doomed transaction refuses to commit, and stays doomed until it is aborted.  Nothing is
    stored, and objects can be changed in it as before.
    """
    return world.managers[manager].status.value == "doomed"


@step("transaction.failure-stores-nothing", MUST, rules="TXN-3", error="Sabotage")
def failure_stores_nothing(world: World, manager: Name, phase: str) -> bool:
    """If any data manager of the transaction fails in one of the phases before the finish, nobody
    stores anything, the transaction is failed, and the caller gets the original error.

    It makes no difference whether the one that fails comes before or after the connection in the
    order of their sort keys: in the second case the connection has voted already, and gives up what
    it voted for.
    """
    return phase in ("tpc_begin", "commit", "tpc_vote")


@step("transaction.second-phase-failure", MUST, rules="ISO-31", error="Sabotage")
def second_phase_failure(world: World, manager: Name, order: str) -> bool:
    """If a data manager fails in the second phase, the caller gets its error and the transaction is
    failed.  A connection that finished before has stored everything; one whose turn had not come
    has stored nothing.

    Two-phase commit can't exclude this, which is why nothing that can be refused may be left to the
    second phase.
    """
    return order == "after"


@step(
    "record.unpicklable-refused",
    MUST,
    rules="SER-23 LIFE-45",
    error="PicklingError TypeError AttributeError",
)
def unpicklable_refused(world: World, work: Work) -> bool:
    """A commit that has to store a value which cannot be pickled is refused, and nothing is stored;
    no object keeps a trace of the attempt.
    """
    return any(
        type(value) is Unpicklable
        for name in work.stores
        for value in (world.objects[name].state.value or {}).values()
    )


@step("transaction.empty-recorded-or-not", MAY, rules="LIFE-28")
def empty_transaction(world: World, database: Name, tid: Tid) -> tuple[bool, ...]:
    """A transaction that a connection joined, and in which nothing is left to store, may be
    recorded as an empty transaction or not be recorded at all.  An implementation does the same one
    every time.
    """
    known = world.databases[database].empty_recorded
    return (True, False) if known is None else (known,)


@step("transaction.abort-discards", MUST, rules="LIFE-26 TXN-7")
def abort_discards(world: World, thing: Name) -> Fact[State | None]:
    """An abort discards what was changed in the transaction: every object that is stored shows its
    last committed state again, as of the new snapshot.
    """
    return world.fact(None, id_of(abort_discards))


@step("transaction.begin-aborts", MUST, rules="TXN-7", binds="dependency")
def begin_aborts(world: World, manager: Name) -> bool:
    """To begin a transaction while another one is unfinished aborts that one first, in the default
    mode.
    """
    found = world.managers[manager]
    return bool(found.joined or found.changes) or found.status.value != "usable"


@step("record.value-comes-back", MUST, rules="LIFE-23")
def value_comes_back(world: World, record: Record) -> Record:
    """A value that is not persistent is stored by value in the record of the object that holds it,
    and comes back the same: same types, same contents, the same sharing inside one object's state.
    """
    return record
