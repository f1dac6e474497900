"""Commits that several databases take part in, and how far their second phase has come.

Two-phase commit makes them one up to the vote. After that one database finishes after the other,
and what comes between can leave the transaction in some of them only (ISO-31). Two things are done
about it. An interrupt, or another participant that fails, does not keep the databases that have
voted from finishing too. And each of them keeps, beside the transaction, a note that names all of
them, from which `zodb_reference.halves` tells later which one lacks it.

They also agree on one tid, as far as their storages can, so that each point of the past has all of
such a commit or nothing.
"""

import logging
import threading
import uuid
from typing import Any

from persistent.timestamp import TimeStamp

from zodb_reference.errors import ConnectionStateError, StorageTransactionError

logger = logging.getLogger(__name__)

#: Under which key the note is in the extension of a transaction.
NOTE = "zodb_reference.joint"

#: By how many seconds the tids of one commit may be apart that become the same. Where the clock was
#: wrong once, a database goes on with later tids; the others must not get there by this.
MOST_APART = 60

_KEY = object()


class Joint:
    """What the connections that have joined one transaction know of each other."""

    def __init__(self) -> None:
        self._joined: dict[Any, None] = {}  # again where a rollback has let it leave
        self._notes: dict[int, dict[str, Any]] = {}  # by the identities of the connections
        self._storing: list[Any] | None = None  # what has something to store, when that was asked
        self._tids: list[bytes] = []  # that databases of the commit have given it
        self._finished: list[str] = []
        self._is_finishing = False
        self._has_failed = False

    def add(self, connection: Any) -> None:
        """Learn that a connection has joined."""
        self._joined[connection] = None

    def note(self, connection: Any) -> dict[str, Any]:
        """Return what is to be noted with the transaction in the database of `connection`.

        That is nothing where no other database of the collection has something to store: a commit
        to one database needs no note. It is the same in all phases once it was asked for first.
        """
        if self._storing is None:
            self._storing = [each for each in self._joined if each.will_store()]
            self._write_notes(self._storing)
        note = self._notes.get(id(connection))
        return {NOTE: note} if note else {}

    def begun(self, connection: Any, snapshot: Any, meta: Any) -> None:
        """Learn that a database has begun, with `meta`, and which tid it has given."""
        tid = snapshot.date(meta) if id(connection) in self._notes else None
        if tid is not None:
            self._tids.append(tid)

    def date(self, connection: Any, snapshot: Any, meta: Any) -> None:
        """Give the commit one tid in all databases, now that each has begun, if it can be chosen.

        Who opens connections to the past at this tid is shown all of the commit, and not what one
        database has of it (CONN-45, XREF-49).
        """
        if id(connection) in self._notes and self._tids:
            tid = max(self._tids)
            if TimeStamp(tid).timeTime() - TimeStamp(min(self._tids)).timeTime() < MOST_APART:
                snapshot.date(meta, tid)

    def require_noted(self, connection: Any) -> None:
        """Refuse to store in a database that had nothing to store when the commit began.

        A `__getstate__`, say, may change objects of other databases; but the notes are written, and
        without this one. Raises `ConnectionStateError`.
        """
        if self._storing is None or connection in self._storing:
            return
        databases = connection.database.databases
        together = [each for each in self._joined if each.database.databases is databases]
        if len(together) > 1:
            raise ConnectionStateError(
                f"{connection!r} had nothing to store when the commit to several databases began,"
                " and cannot take part any more; change its objects before"
            )

    def is_left_alone(self) -> bool:
        """Tell whether it is not for this thread to abort, when one of the databases is closed.

        That is while it is being committed, and while another thread has changes in it.
        """
        return any(each.is_committing() or each.is_changed_elsewhere() for each in self._joined)

    def begin_finish(self) -> None:
        """Learn that the second phase begins in a database: the commit takes place from now on."""
        self._is_finishing = True

    def finish(self, connection: Any) -> None:
        """Learn that a database has finished."""
        if id(connection) in self._notes:
            self._finished.append(connection.database.database_name)

    def fail(self, connection: Any) -> None:
        """Learn that a database, which has voted, could not finish."""
        self._has_failed = True
        note = self._notes.get(id(connection))
        if note is not None:
            logger.critical(
                "the commit %s to the databases %s has failed in its second phase: it was finished"
                " in %s, perhaps in %r, and in no other; half_commits() tells which have it",
                note["id"],
                note["databases"],
                self._finished,
                connection.database.database_name,
            )

    def must_go_on(self, connection: Any) -> bool:
        """Tell whether a database is to finish, in spite of an interrupt or a failure elsewhere.

        It is if others of the commit may have finished. Where one of them could not, those that
        come later do not, so that none has what comes later without what comes earlier.
        """
        return self._is_finishing and not self._has_failed and id(connection) in self._notes

    def _write_notes(self, storing: list[Any]) -> None:
        ident = uuid.uuid4().hex
        for each in storing:
            databases = each.database.databases
            names = [
                other.database.database_name
                for other in storing
                if other.database.databases is databases
            ]
            if len(names) > 1:
                self._notes[id(each)] = {"id": ident, "databases": sorted(names)}


def is_other_thread(thread: threading.Thread | None) -> bool:
    """Tell whether a thread is not the one that asks, and has not ended."""
    return thread is not None and thread is not threading.current_thread() and thread.is_alive()


def joint_of(transaction: Any) -> Joint:
    """Return what belongs to `transaction`, which keeps it."""
    try:
        joint: Joint = transaction.data(_KEY)
    except KeyError:
        joint = Joint()
        transaction.set_data(_KEY, joint)
    return joint


def claim_storage(transaction: Any, storage: Any, claimant: Any) -> None:
    """Refuse to begin where another participant has begun on the same storage (CONN-51, TXN-14).

    The storage would wait for that one to end, which will not happen before this one ends. Raises
    `StorageTransactionError`.
    """
    try:
        other = transaction.data(storage)
    except KeyError:
        transaction.set_data(storage, claimant)
        return
    raise StorageTransactionError(
        f"{claimant!r} and {other!r} use the same storage and have both changed objects in one"
        " transaction; change objects through one connection only, or give each a transaction"
        " manager of its own; and let a database undo, or end versions, in a transaction in which"
        " no objects are changed"
    )
