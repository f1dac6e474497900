"""Faults in savepoints: what they keep, who sees it, and what becomes of it."""

from __future__ import annotations

import pickle
from functools import partial
from io import BytesIO
from typing import Any
from zlib import crc32

from transaction import Transaction
from transaction._transaction import Savepoint as TransactionSavepoint
from transaction._transaction import Status
from transaction.interfaces import DoomedTransaction
from zodb_reference.committing import Commit
from zodb_reference.connections import Connection
from zodb_reference.errors import ConflictError, POSKeyError
from zodb_reference.oids import z64
from zodb_reference.savepoints import Savepoint, Saving
from zodb_reference.scratch import Scratch

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together

faulty = partial(double, checks="walk.savepoints")


def is_saved(connection: Connection, oid: bytes) -> bool:
    """Whether a savepoint of the running transaction has stored an object."""
    scratch = connection._scratch
    return scratch is not None and scratch.load(oid) is not None


# What is kept.


@faulty(
    "savepoint.keeps-changes",
    also="savepoint.rollback-restores savepoint.disowned-keeps-contents",
)
def what_is_loaded_from_a_savepoint_lacks_an_attribute() -> Fault:
    """An object that is loaded from savepoint data lacks its last attribute, unless it has only
    that.

    The longer a transaction is, the more of its own work it does not find again.
    """

    def setstate(correct: Any, connection: Connection, obj: Any) -> None:
        correct(connection, obj)
        held = vars(obj).get("data", vars(obj))
        if is_saved(connection, obj._p_oid) and len(held) > 1:
            del held[max(held)]

    return around(Connection, "setstate", setstate)


@faulty("savepoint.keeps-changes", also="savepoint.commit-stores savepoint.rollback-restores")
def one_in_five_of_what_is_kept_again_is_lost() -> Fault:
    """Of the objects that an earlier savepoint has stored already, one in five is not stored again.

    The program loses what it did between the two, in a transaction that is committed.
    """

    def store(
        correct: Any, scratch: Scratch, oid: bytes, serial: bytes, record: bytes, *more: Any
    ) -> None:
        if scratch.load(oid) is None or crc32(oid + record) % 5:
            correct(scratch, oid, serial, record, *more)

    return around(Scratch, "store", store)


@faulty("savepoint.stored-is-unchanged")
def what_is_kept_stays_changed() -> Fault:
    """The objects that a savepoint has stored are still marked as changed.

    They can't be turned into ghosts: the memory that the savepoint was made to save is not saved.
    """

    def finish(correct: Any, saving: Saving) -> None:
        correct(saving)
        for obj in saving.written.values():
            obj._p_changed = True

    return around(Saving, "finish", finish)


@faulty("savepoint.stored-is-unchanged")
def what_is_kept_for_the_first_time_has_a_serial() -> Fault:
    """A new object gets the serial of the newest transaction as soon as a savepoint stores it.

    Whoever tells by the serial what was never stored takes the object for one that others know.
    """

    def finish(correct: Any, saving: Saving) -> None:
        new = list(saving._objects.new.values())
        correct(saving)
        for obj in new:
            obj._p_serial = saving._connection.db().storage.lastTransaction()

    return around(Saving, "finish", finish)


@faulty("savepoint.stored-is-unchanged", also="savepoint.rollback-disowns")
def only_what_was_added_stays_owned() -> Fault:
    """A savepoint stores the new objects that it comes across, and leaves them unsaved.

    Each later savepoint stores them once more, as other objects.
    """

    def finish(correct: Any, saving: Saving) -> None:
        added = {id(obj) for obj in saving._registered}
        met = [obj for obj in saving._objects.new.values() if id(obj) not in added]
        correct(saving)
        for obj in met:
            oid = obj._p_oid
            del saving._objects.cache[oid]
            saving._connection.new_objects.forget([oid])
            saving._objects._disown(obj)

    return around(Saving, "finish", finish)


# Who notices.


@faulty("savepoint.is-no-boundary")
def conflicts_are_reported_by_a_savepoint() -> Fault:
    """A savepoint is refused if somebody else has changed an object that it stores.

    A conflict that the commit would merge fails the transaction, and the program expects conflicts
    where it commits, and nowhere else.
    """

    def put(correct: Any, saving: Saving, oid: bytes, serial: bytes, record: bytes) -> None:
        if serial not in (z64, newest_serial(saving._connection, oid)):
            raise ConflictError("somebody else has changed it")
        correct(saving, oid, serial, record)

    return around(Saving, "put", put)


def newest_serial(connection: Connection, oid: bytes) -> bytes:
    """The serial of what is stored now, whatever the connection sees."""
    try:
        serial: bytes = connection.db().storage.load(oid)[1]
    except POSKeyError:
        return z64
    return serial


@faulty("savepoint.is-no-boundary")
def savepoint_data_is_shown_to_others() -> Fault:
    """All connections to a database load what the savepoints of any of them have stored.

    Others work on what is perhaps never committed.
    """

    def load(correct: Any, connection: Connection, oid: bytes) -> tuple[bytes, bytes]:
        record, serial = correct(connection, oid)
        for other in connection.db()._pool.everyone():
            scratch = other._scratch
            saved = None if scratch is None or other is connection else scratch.load(oid)
            if saved is not None and saved[1] == serial and not is_saved(connection, oid):
                record = saved[0]
        return record, serial

    return around(Connection, "_load", load)


@faulty("isolation.one-committed-state")
def a_savepoint_moves_the_snapshot() -> Fault:
    """From a savepoint on the connection sees what others have committed meanwhile.

    A program that makes savepoints as it goes computes with numbers that don't belong together.
    """

    def savepoint(correct: Any, connection: Connection) -> Any:
        made = correct(connection)
        connection._snapshot.advance()
        return made

    return around(Connection, "savepoint", savepoint)


# Doomed and failed transactions.


@faulty("savepoint.in-doomed")
def a_doomed_transaction_takes_no_savepoint() -> Fault:
    """A savepoint of a doomed transaction is refused.

    Code that saves memory by savepoints fails in a dry run, and not when it matters.
    """

    def savepoint(correct: Any, txn: Transaction, optimistic: bool = False) -> Any:
        if txn.isDoomed():
            raise DoomedTransaction("it can't be committed, and needs no savepoint")
        return correct(txn, optimistic)

    return around(Transaction, "savepoint", savepoint)


@faulty("savepoint.in-doomed")
def a_doomed_transaction_does_not_go_back() -> Fault:
    """To return to a savepoint is refused once the transaction is doomed.

    A program that has tried something can't look at what there was before.
    """

    def rollback(correct: Any, savepoint: TransactionSavepoint) -> None:
        if savepoint.transaction is not None and savepoint.transaction.isDoomed():
            raise DoomedTransaction("it can't be committed, and needs no rollback")
        correct(savepoint)

    return around(TransactionSavepoint, "rollback", rollback)


@faulty("savepoint.failed-refuses")
def a_failed_transaction_takes_savepoints() -> Fault:
    """A savepoint can be made in a transaction that has failed.

    The program goes on with what can't be committed any more, and hears of it at the end.
    """

    def savepoint(correct: Any, txn: Transaction, optimistic: bool = False) -> Any:
        if txn.status is not Status.COMMITFAILED:
            return correct(txn, optimistic)
        return TransactionSavepoint(txn, optimistic)

    return around(Transaction, "savepoint", savepoint)


# Ending the transaction.


@faulty("savepoint.commit-stores")
def what_was_not_changed_again_is_not_committed() -> Fault:
    """A commit stores what has changed since the last savepoint, and nothing else.

    The more savepoints a program makes, the less of its work is stored.
    """
    return instead(Commit, "store_saved", lambda commit, scratch: None)


@faulty("savepoint.commit-stores")
def the_first_state_that_was_kept_is_committed() -> Fault:
    """A commit stores objects as the first savepoint had them, where several have stored them.

    What the program reads before the commit is not what it finds afterwards.
    """

    def records(correct: Any, scratch: Scratch, but: Any) -> Any:
        for oid, serial, _ in list(correct(scratch, but)):
            position = scratch._positions[oid]
            while scratch._head(position).earlier >= 0:
                position = scratch._head(position).earlier
            yield oid, serial, scratch._file.read(scratch._head(position).size)

    return around(Scratch, "records", records)


@faulty("savepoint.commit-stores")
def what_nothing_leads_to_any_more_is_not_committed() -> Fault:
    """A commit leaves out the new objects that no object which it stores refers to.

    What the program has added and kept the oid of can't be found under it.
    """

    def store_saved(correct: Any, commit: Commit, scratch: Scratch) -> None:
        led_to = {oid for _, _, record in scratch.records(but=()) for oid in oids_in(record)}
        for oid, serial, record in scratch.records(but=commit.written):
            if serial != z64 or oid in led_to:
                commit.put(oid, serial, record)
                commit.copied.add(oid)

    return around(Commit, "store_saved", store_saved)


def oids_in(record: bytes) -> set[bytes]:
    """The oids of the objects to which a record refers."""
    found: set[bytes] = set()

    class Reader(pickle.Unpickler):
        def persistent_load(self, reference: Any) -> None:
            kind = reference[0] if isinstance(reference, list) else "here"
            if kind not in ("m", "n"):
                found.add(reference[0] if isinstance(reference, tuple) else reference)

    reader = Reader(BytesIO(record))
    reader.load()
    reader.load()
    return found


@faulty("savepoint.abort-discards", also="savepoint.late-joiners-aborted")
def an_abort_leaves_in_memory_what_was_kept() -> Fault:
    """An abort forgets the savepoint data, and leaves in memory what it was made from.

    The next transaction reads what was never committed, and stores it with its next change.
    """

    def undo_since(
        correct: Any, connection: Connection, savepoint: Savepoint, scratch: Scratch, **how: Any
    ) -> None:
        cache = connection.objects.cache
        clean = [
            obj
            for oid in scratch.oids()
            for obj in (cache.get(oid),)
            if savepoint.length == 0 and obj is not None and obj._p_changed is False
        ]
        states = [(obj, dict(obj.__getstate__())) for obj in clean if obj._p_serial != z64]
        correct(connection, savepoint, scratch, **how)
        for obj, state in states:
            obj._p_activate()
            held = vars(obj).get("data", vars(obj))
            held.clear()
            held.update(state.get("data", state))

    return around(Connection, "_undo_since", undo_since)


@faulty("savepoint.abort-discards", also="savepoint.late-joiners-aborted")
def savepoint_data_outlives_an_abort() -> Fault:
    """An abort leaves the savepoint data of objects that are in the database where they are.

    What the program has given up comes back when the object is loaded, and with the next commit.
    """

    def end_savepoints(correct: Any, connection: Connection) -> None:
        scratch, txn = connection._scratch, connection._joined
        kept = []
        if scratch is not None and txn is not None and txn.status is not Status.COMMITTED:
            kept = vars(scratch).get("given_up", [])
        correct(connection)
        vars(connection)["given_up"] = {
            oid: record for oid, serial, record in kept if serial != z64
        }

    def undo_since(
        correct: Any, connection: Connection, savepoint: Savepoint, scratch: Scratch, **how: Any
    ) -> None:
        vars(scratch)["given_up"] = list(scratch.records(but=()))
        correct(connection, savepoint, scratch, **how)

    def load(correct: Any, connection: Connection, oid: bytes) -> tuple[bytes, bytes]:
        record, serial = correct(connection, oid)
        return vars(connection).get("given_up", {}).get(oid, record), serial

    return together(
        around(Connection, "_end_savepoints", end_savepoints),
        around(Connection, "_undo_since", undo_since),
        around(Connection, "_load", load),
    )


@faulty("savepoint.close-refused")
def a_connection_closes_over_savepoint_data() -> Fault:
    """A connection can be closed if nothing has changed since the last savepoint.

    What the program has done is in a transaction that nobody ends, and the next one to open the
    connection finds it there.
    """

    def require_unchanged(correct: Any, connection: Connection) -> None:
        if connection._registered or connection._scratch is None:
            correct(connection)
        elif connection._joined is not None:
            connection._joined.abort()

    return around(Connection, "require_unchanged", require_unchanged)
