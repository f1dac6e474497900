"""Faults in what a program asks of the past, and is refused there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from persistent import Persistent
from zodb_reference import db as databases
from zodb_reference import views
from zodb_reference.connections import Connection
from zodb_reference.db import DB
from zodb_reference.errors import (
    POSKeyError,
    ReadConflictError,
    ReadOnlyError,
    ReadOnlyHistoryError,
)
from zodb_reference.historical import HistoricalSnapshot
from zodb_reference.oids import maxtid, p64, u64, z64
from zodb_reference.participant import Participant
from zodb_reference.revisions import Revisions
from zodb_reference.snapshot import Snapshot
from zodb_reference.views import View

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together


@double("historical.at-and-before")
def before_a_transaction_means_with_it() -> Fault:
    """A connection `before` a transaction shows what the transaction has done.

    Who looks for the state that a transaction has spoilt gets the spoilt one.
    """

    def init(correct: Any, snapshot: HistoricalSnapshot, storage: Any, before: bytes) -> None:
        correct(snapshot, storage, p64(u64(before) + 1))

    return around(HistoricalSnapshot, "__init__", init)


@double("historical.between-transactions", also="historical.present-is-a-point")
def only_transactions_are_points() -> Fault:
    """A tid that no transaction has is refused as a point.

    What was valid is refused after a pack has removed the transaction.
    """

    def view(correct: Any, database: DB, *args: Any, at: Any = None, **options: Any) -> Any:
        if isinstance(at, bytes) and len(at) == 8 and not [*database.storage.iterator(at, at)]:
            raise ValueError(f"there is no transaction {at!r}")
        return correct(database, *args, at=at, **options)

    return around(DB, "open", view)


@double("historical.moment", also="historical.moments-in-utc")
def moments_are_cut_to_minutes() -> Fault:
    """Of a moment, only the minute is looked at.

    What was committed in that minute is not shown.
    """

    def tid_at(correct: Any, moment: datetime) -> Any:
        return correct(moment.replace(second=0, microsecond=0))

    return around(views, "tid_at", tid_at)


@double("historical.moments-in-utc")
def time_zones_are_left_out() -> Fault:
    """The time zone of a moment is not looked at.

    A program in another place sees the state of some hours earlier or later.
    """
    return around(views, "tid_at", lambda correct, moment: correct(moment.replace(tzinfo=None)))


@double("historical.says-its-point", also="historical.pooled-by-point historical.debug-entries")
def the_point_is_said_as_it_was_meant() -> Fault:
    """A connection says as `before` the tid at which it is.

    Who opens another connection with that gets an older state.
    """

    def before(connection: Connection) -> bytes | None:
        point = connection.view.before
        return None if point is None else p64(u64(point) - 1)

    return instead(Connection, "before", property(before))


@double("historical.contradiction-refused")
def at_wins() -> Fault:
    """Where both `at` and `before` are given, the first is taken.

    The program shows a state which it has not asked for.
    """

    def view(correct: Any, at: Any, before: Any, last: bytes) -> View:
        chosen: View = correct(at, before if at is None else None, last)
        return chosen

    return around(databases, "historical_view", view)


@double("historical.future-refused", also="historical.present-is-a-point")
def the_future_can_be_opened() -> Fault:
    """A point later than the last transaction is accepted.

    The connection shows the state of now, and misses what is committed up to its point.
    """

    def view(correct: Any, at: Any, before: Any, last: bytes) -> View:
        try:
            found: View = correct(at, before, last)
        except ValueError as error:
            if "future" not in str(error):
                raise
            found = View(before=p64(u64(last) + 1))
        return found

    return around(databases, "historical_view", view)


@double("historical.present-is-a-point")
def what_was_the_future_is_it_for_good() -> Fault:
    """A point that was refused since it was in the future is refused for ever.

    A program that waits for a transaction waits in vain.
    """
    refused = set()

    def view(correct: Any, at: Any, before: Any, last: bytes) -> Any:
        try:
            if (at, before) in refused:
                raise ValueError("a point in the future")
            return correct(at, before, last)
        except ValueError:
            refused.add((at, before))
            raise

    return around(databases, "historical_view", view)


@double("historical.no-point-refused")
def short_points_are_filled_up() -> Fault:
    """Bytes that are no tid, being too few, are filled up to one.

    A typing error shows an empty database.
    """

    def tid(correct: Any, name: str, point: object) -> Any:
        return correct(name, point.rjust(8, b"\0") if isinstance(point, bytes) else point)

    return around(views, "_tid", tid)


@double("historical.not-yet-there")
def what_is_not_there_yet_is_a_conflict() -> Fault:
    """`get` of an object that did not exist at the point is a conflict.

    A program that retries its transaction after conflicts does so for ever.
    """

    def load(correct: Any, snapshot: HistoricalSnapshot, oid: bytes) -> Any:
        try:
            return correct(snapshot, oid)
        except POSKeyError as error:
            if oid == z64:
                raise
            raise ReadConflictError("it was created later", oid=oid) from error

    return around(HistoricalSnapshot, "load", load)


@double("historical.before-everything")
def there_always_was_a_root() -> Fault:
    """Before the first transaction there is the root of today.

    Who asks what there was in the beginning is told what there is now.
    """

    def load(correct: Any, snapshot: HistoricalSnapshot, oid: bytes) -> Any:
        try:
            return correct(snapshot, oid)
        except POSKeyError:
            if oid != z64:
                raise
            return snapshot._storage.loadBefore(oid, maxtid)[:2]

    return around(HistoricalSnapshot, "load", load)


@double(
    "historical.read-only",
    also="historical.group-with-a-quiet-database historical.cross-reference",
)
def the_past_says_that_it_can_be_changed() -> Fault:
    """A historical connection says that it takes changes, if its storage does.

    A program offers a form whose contents it can't store.
    """
    return instead(HistoricalSnapshot, "is_read_only", Snapshot.is_read_only)


@double("historical.add-refused")
def what_is_added_to_the_past_is_left_out() -> Fault:
    """`add` does nothing in a historical connection, and does not say so.

    The program believes that it is stored.
    """

    def add(correct: Any, connection: Connection, obj: Any) -> None:
        if connection.before is None:
            correct(connection, obj)

    return around(Connection, "add", add)


@double("historical.no-new-oids")
def the_past_gives_oids() -> Fault:
    """A historical connection gives oids.

    Oids are used up by whoever only looks.
    """

    def add(correct: Any, connection: Connection, obj: Any) -> None:
        if connection.before is not None:
            raise ReadOnlyError("the past can't be changed")
        correct(connection, obj)

    return together(
        around(Connection, "add", add),
        instead(HistoricalSnapshot, "new_oid", Snapshot.new_oid),
    )


@double("historical.new-objects-refused")
def a_refused_object_belongs_to_the_past() -> Fault:
    """The commit of a historical connection is refused after its new objects got oids.

    They can't be stored anywhere else.
    """

    def commit(correct: Any, connection: Connection, transaction: Any) -> None:
        if connection.before is not None:
            for changed in connection._registered:
                for value in vars(changed).get("data", {}).values():
                    if isinstance(value, Persistent) and value._p_jar is None:
                        value._p_oid, value._p_jar = p64(1 << 40), connection
        correct(connection, transaction)

    return around(Connection, "commit", commit)


@double("historical.refused-as-a-whole")
def the_past_refuses_at_the_very_end() -> Fault:
    """A historical connection refuses its changes when the commit is finished.

    Others have finished by then, and half of the transaction is stored.
    """

    def unless_past(correct: Any, connection: Connection, transaction: Any) -> None:
        if connection.before is None:
            correct(connection, transaction)

    def finish(correct: Any, connection: Connection, transaction: Any) -> None:
        if connection.before is not None:
            raise ReadOnlyHistoryError("the past can't be changed")
        correct(connection, transaction)

    return together(
        around(Connection, "commit", unless_past),
        around(Participant, "tpc_vote", unless_past),
        around(Participant, "tpc_finish", finish),
        around(Participant, "sortKey", lambda correct, connection: "~" + correct(connection)),
    )


@double("historical.beside-changes")
def who_looks_back_can_not_commit() -> Fault:
    """A transaction in which a historical connection is open can't be committed.

    Nobody can compare what there was with what there is, and mend it.
    """

    def commit(correct: Any, connection: Connection, transaction: Any) -> None:
        followers = transaction._synchronizers
        if connection.before is None and any(
            getattr(each, "before", None) is not None for each in followers.data.values()
        ):
            raise ReadOnlyHistoryError("the past can't be changed")
        correct(connection, transaction)

    return around(Connection, "commit", commit)


@double("historical.savepoint")
def a_savepoint_changes_the_present() -> Fault:
    """A savepoint keeps the changes of a historical connection in the database itself.

    What somebody tried out in the past is what everybody has now.
    """

    def savepoint(correct: Any, connection: Connection) -> Any:
        if connection.before is not None:
            with connection.db().transaction() as present:
                present.root().update(connection.root())
        return correct(connection)

    return around(Participant, "savepoint", savepoint)


@double("historical.packed-away")
def what_was_packed_away_is_shown_as_it_is_now() -> Fault:
    """Where a revision was packed away, a historical connection shows the current one.

    Two objects don't fit together, and nobody knows.
    """

    def load(correct: Any, snapshot: HistoricalSnapshot, oid: bytes) -> Any:
        try:
            return correct(snapshot, oid)
        except POSKeyError:
            if snapshot._before > snapshot._storage._history.packed():
                raise
            return snapshot._storage.load(oid)

    return around(HistoricalSnapshot, "load", load)


@double("historical.undone-later")
def what_was_undone_never_was() -> Fault:
    """Once a transaction was undone, every point is shown as it is now.

    Nobody can see any more what was undone.
    """
    undone = []

    def undo(correct: Any, database: Revisions, *args: Any) -> None:
        undone.append(database.storage)
        correct(database, *args)

    def load(correct: Any, snapshot: HistoricalSnapshot, oid: bytes) -> Any:
        if snapshot._storage in undone:
            return snapshot._storage.load(oid)
        return correct(snapshot, oid)

    return together(
        around(Revisions, "undoMultiple", undo), around(HistoricalSnapshot, "load", load)
    )
