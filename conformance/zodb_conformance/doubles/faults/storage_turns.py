"""Faults in the turns of several transactions that are committed to one storage."""

from __future__ import annotations

import threading
from typing import Any

from zodb_reference.errors import StorageError, StorageTransactionError
from zodb_reference.oids import new_tid, z64
from zodb_reference.storages.clients import ClientStorage
from zodb_reference.storages.history import just_after
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.twophase import Commit, TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together


@double(
    "storage.begin-waits",
    also="""storage.begin-with-a-tid-waits
    storage.waiting-begins-get-on storage.who-waited-sees-what-came
    storage.first-of-many-wins storage.vote-is-a-promise storage.callback-before-the-next
    storage.commits-beside-each-other storage.abort-beside-a-commit""",
)
def who_comes_later_goes_away() -> Fault:
    """Who begins a transaction while another one is being committed is refused.

    A commit fails that only had to wait, and a program that tries again does so in vain.
    """

    def await_turn(correct: Any, storage: TwoPhaseStorage) -> None:
        if storage._commit is not None:
            raise StorageTransactionError("somebody else is committing")

    return around(TwoPhaseStorage, "_await_turn", await_turn)


@double("storage.begin-with-a-tid-waits")
def who_brings_a_tid_goes_first() -> Fault:
    """Who begins a transaction with a tid of its own takes the turn of the one that has it.

    A copy that is brought up to date costs the work of whoever commits meanwhile.
    """

    def begin(correct: Any, storage: TwoPhaseStorage, transaction: Any, *more: Any) -> None:
        if more:
            storage._commit = None
        correct(storage, transaction, *more)

    return around(TwoPhaseStorage, "tpc_begin", begin)


@double("storage.waiting-begins-get-on", also="storage.first-of-many-wins")
def who_has_waited_for_two_gives_up() -> Fault:
    """Who has waited for two others to end is refused, though his turn has come.

    The more threads commit, the more of them fail.
    """

    def await_turn(correct: Any, storage: TwoPhaseStorage) -> None:
        seen: list[Commit] = []
        while (commit := storage._commit) is not None:
            if not any(commit is each for each in seen):
                seen.append(commit)
            storage._turn.wait()
        if len(seen) > 1:
            raise StorageError("waited for two others already")

    return around(TwoPhaseStorage, "_await_turn", await_turn)


@double("storage.refused-begin-blocks-nobody")
def a_refused_begin_takes_a_turn() -> Fault:
    """After a `tpc_begin` that was refused nobody can begin another transaction.

    One mistake of a program, and the storage takes no more changes.
    """
    blocked: list[TwoPhaseStorage] = []

    def begin(correct: Any, storage: TwoPhaseStorage, *arguments: Any) -> None:
        if storage in blocked and storage._commit is None:
            raise StorageError("there is a transaction that was refused")
        try:
            correct(storage, *arguments)
        except StorageTransactionError:
            blocked.append(storage)
            raise

    return around(TwoPhaseStorage, "tpc_begin", begin)


@double(
    "storage.ends-in-another-thread",
    also="storage.vote-is-a-promise storage.finished-at-once",
)
def a_transaction_belongs_to_its_thread() -> Fault:
    """A transaction takes calls from the thread alone that has begun it.

    A server that answers each call in whatever thread is free can commit nothing.
    """

    def require(correct: Any, storage: TwoPhaseStorage, *arguments: Any) -> Commit:
        commit: Commit = correct(storage, *arguments)
        if commit.thread != threading.get_ident():
            raise StorageTransactionError("this transaction belongs to another thread")
        return commit

    return around(TwoPhaseStorage, "_require_current", require)


@double("storage.who-waited-sees-what-came", also="storage.first-of-many-wins")
def who_waits_does_not_look_again() -> Fault:
    """Who has waited for his turn is compared with what was current when he came.

    What the one before him has stored is overwritten.
    """
    when_it_came: dict[TwoPhaseStorage, bytes] = {}

    def begin(correct: Any, storage: TwoPhaseStorage, *arguments: Any) -> None:
        last = storage._last_tid
        correct(storage, *arguments)
        when_it_came[storage] = last

    def current(correct: Any, storage: TwoPhaseStorage, oid: bytes) -> bytes:
        found = storage._history.find(oid, just_after(when_it_came[storage]))
        return found.tid if found else z64

    return together(
        around(TwoPhaseStorage, "tpc_begin", begin),
        around(TwoPhaseStorage, "_current_serial", current),
    )


@double("storage.first-of-many-wins", also="storage.who-waited-sees-what-came")
def who_is_late_by_one_counts_as_in_time() -> Fault:
    """A store is taken that is made from the last revision but one.

    Of two who have changed the same object, the first has done so in vain.
    """

    def store(
        correct: Any, storage: TwoPhaseStorage, oid: bytes, serial: bytes, *others: Any
    ) -> None:
        tids = [revision.tid for revision in storage._history.revisions(oid)]
        if serial in tids[-2:]:
            serial = tids[-1]
        correct(storage, oid, serial, *others)

    return around(TwoPhaseStorage, "store", store)


@double(
    "storage.reading-does-not-wait",
    also="storage.callback-comes-first storage.finished-at-once",
)
def the_last_transaction_is_told_to_nobody_in_between() -> Fault:
    """While a storage has voted for a transaction, it does not tell what the last one was.

    As long as one program commits, all others can't begin.
    """

    def last(correct: Any, storage: ReadableStorage) -> bytes:
        commit = getattr(storage, "_commit", None)
        if commit and commit.prepared and commit.thread != threading.get_ident():
            raise StorageError("somebody is committing")
        tid: bytes = correct(storage)
        return tid

    return around(ReadableStorage, "lastTransaction", last)


@double("storage.vote-is-a-promise", also="storage.finished-at-once")
def a_vote_is_off_when_somebody_reads() -> Fault:
    """Where somebody loads an object for which the storage has voted, the vote is taken back.

    The other databases of the transaction have finished, and this one refuses to.
    """

    def load(correct: Any, storage: Any, oid: bytes, *version: str) -> Any:
        commit = storage._commit
        if commit and oid in commit.records and commit.thread != threading.get_ident():
            commit.prepared = None
        return correct(storage, oid, *version)

    return around(ReadableStorage, "load", load)


@double("storage.finished-at-once")
def records_are_shown_before_all_are_there() -> Fault:
    """A transaction is shown while its records are being written.

    Who reads in this moment sees the new state of one object beside the old state of another.
    """

    def finish(
        correct: Any, storage: TwoPhaseStorage, transaction: object, callback: Any = None
    ) -> bytes:
        commit = storage._require_current(transaction, "tpc_finish")
        if commit.prepared is not None:
            storage._history.publish(commit.prepared)
        tid: bytes = correct(storage, transaction, callback)
        return tid

    return around(TwoPhaseStorage, "tpc_finish", finish)


@double("storage.callback-comes-first", also="storage.callback-before-the-next")
def the_callback_comes_last() -> Fault:
    """The function that `tpc_finish` is given is called when everybody can see the transaction.

    Who loads an object before he is told of the changes has the new state of one beside the old
    state of another.
    """

    def finish(
        correct: Any, storage: TwoPhaseStorage, transaction: object, callback: Any = None
    ) -> bytes:
        tid: bytes = correct(storage, transaction)
        if callback is not None:
            callback(tid)
        return tid

    return around(TwoPhaseStorage, "tpc_finish", finish)


@double("storage.callback-before-the-next")
def the_turn_ends_before_the_callback() -> Fault:
    """The next transaction gets its turn before the function of the one before is called.

    Who keeps the tid that he was told last has an earlier one than he could have.
    """

    def finish(
        correct: Any, storage: TwoPhaseStorage, transaction: object, callback: Any = None
    ) -> bytes:
        commit = storage._require_current(transaction, "tpc_finish")
        if callback is not None and commit.prepared is not None:
            with storage._lock:
                storage._end_commit()
            callback(commit.tid)
            with storage._lock:
                storage._keep_and_show(commit.prepared, None)
            return commit.tid
        tid: bytes = correct(storage, transaction, callback)
        return tid

    return around(TwoPhaseStorage, "tpc_finish", finish)


@double("storage.clients-take-turns", on="reference-clients")
def a_client_overwrites_the_other() -> Fault:
    """A client is not told that an object was changed through another one, and overwrites that.

    Whatever two processes do to one object, one of them has done it in vain.
    """
    current: list[ClientStorage] = []
    authors: dict[bytes, ClientStorage] = {}

    def begin(correct: Any, client: ClientStorage, *arguments: Any) -> None:
        correct(client, *arguments)
        current[:] = [client]

    def store(
        correct: Any, storage: TwoPhaseStorage, oid: bytes, serial: bytes, *others: Any
    ) -> None:
        if authors.get(oid, current[0]) is not current[0]:
            serial = storage._current_serial(oid)
        correct(storage, oid, serial, *others)
        authors[oid] = current[0]

    return together(
        around(ClientStorage, "tpc_begin", begin), around(TwoPhaseStorage, "store", store)
    )


@double("storage.commits-beside-each-other")
def a_tid_is_chosen_before_the_turn() -> Fault:
    """A transaction has the tid of the moment in which it asked for its turn.

    The one that is finished last is not the last transaction.
    """

    def begin(correct: Any, storage: TwoPhaseStorage, *arguments: Any) -> None:
        tid = new_tid(storage._last_tid)
        correct(storage, *arguments)
        if storage._commit is not None:
            storage._commit.tid = tid

    return around(TwoPhaseStorage, "tpc_begin", begin)


@double("storage.abort-beside-a-commit")
def a_late_abort_ends_the_turn_of_another() -> Fault:
    """To abort a transaction that was aborted already ends the turn of whoever is committing.

    Who cleans up twice takes away the work of another thread.
    """
    aborted: list[object] = []

    def abort(correct: Any, storage: TwoPhaseStorage, transaction: object) -> None:
        commit = storage._commit
        if commit is not None and any(transaction is each for each in aborted):
            transaction = commit.meta
        aborted.append(transaction)
        correct(storage, transaction)

    return around(TwoPhaseStorage, "tpc_abort", abort)
