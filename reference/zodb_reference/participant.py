"""The part that a connection plays in transactions: it takes part in them, and follows them.

A transaction knows it by two interfaces: as a participant, which is led through the phases of a
commit or told to abort, and as a synchronizer, which is told of the boundaries between
transactions.
"""

import logging
import threading
from collections.abc import Callable
from typing import IO, Any, TypeVar

from transaction.interfaces import (
    InvalidSavepointRollbackError,
    ISavepointDataManager,
    ISynchronizer,
)
from zope.interface import implementer

from zodb_reference.announcements import Announcements
from zodb_reference.committing import Commit
from zodb_reference.databasework import pending_work
from zodb_reference.errors import (
    ConflictError,
    ConnectionStateError,
    ReadConflictError,
    StorageTransactionError,
)
from zodb_reference.exporting import Renumbering, Settling, records_of
from zodb_reference.identity import IdentityMap
from zodb_reference.joint import is_other_thread, joint_of
from zodb_reference.newness import NewObjects
from zodb_reference.oids import maxtid, z64
from zodb_reference.savepoints import Savepoint, Saving, load_ghosts
from zodb_reference.scratch import Scratch
from zodb_reference.snapshot import Snapshot

logger = logging.getLogger(__name__)

_Result = TypeVar("_Result")


@implementer(ISavepointDataManager, ISynchronizer)
class Participant:
    """The base of `Connection`: what it has changed, and how that is committed or aborted.

    `new_objects` tells what has got its oid in the transaction under way.
    """

    commit_class = Commit
    saving_class = Saving

    group: Any
    connections: dict[str, Any]  # those of the group, by the names of their databases
    get: Callable[[bytes], Any]

    def __init__(self, db: Any, snapshot: Snapshot, objects: IdentityMap) -> None:
        self.transaction_manager: Any = None
        self.objects = objects
        self.new_objects = NewObjects(db.rules.newness)
        self._db = db
        self._snapshot = snapshot
        self._joined: Any = None  # the transaction with changes of this connection
        self._changing_thread: threading.Thread | None = None  # the one that has joined, or is to
        self._registered: list[Any] = []  # what it has changed or added, in this order
        self._refused: set[bytes] = set()  # what may have changed in memory all the same
        self._read_current: dict[bytes, bytes] = {}  # the serials that readCurrent has seen
        self._commit: Commit | None = None
        self._scratch: Scratch | None = None  # what savepoints of the transaction have kept
        self._announced = Announcements()
        self._is_opening = False  # whether the manager is just being told of this connection
        self._catching_up = False  # whether objects and snapshot may not fit together
        self._stored = 0

    # A participant

    def sortKey(self) -> str:
        """Return what orders the participants of a transaction (TXN-2)."""
        return f"{self._snapshot.sort_key()}:{id(self)}"

    def abort(self, transaction: Any) -> None:
        """Forget all changes of this transaction, and its commit if one is under way."""
        # A transaction that has failed calls this again at its end, which may come after the
        # connection was closed and opened for another one.
        if self._goes_on(transaction):
            self._finish(transaction)
            return
        if transaction is self._joined:
            self._require_undisturbed()
        try:
            self._abort_commit(transaction)
        finally:
            if transaction is self._joined:
                self._do_undisturbed(self._discard_changes)

    def tpc_begin(self, transaction: Any) -> None:
        """Begin to commit.

        Raises `ConnectionStateError` while it is committing already: an object that is asked for
        its state may commit.
        """
        self._require_undisturbed()
        if self._commit is not None:
            raise ConnectionStateError(f"{self!r} is committing already")
        self.new_objects.pass_savepoint()
        self._commit = self.commit_class(
            self, transaction, self._snapshot, self.objects, self._registered
        )
        # In this order: whoever closes the database sees the commit, or is seen here.
        self._db.require_open()
        self._commit.begin()

    def commit(self, transaction: Any) -> None:
        """Store the changes, and check what was marked by readCurrent."""
        commit = self._require_commit(transaction)
        commit.date()
        commit.store_changes()
        if self._scratch is not None:
            commit.store_saved(self._scratch)
        commit.check_current(self._read_current)

    def tpc_vote(self, transaction: Any) -> None:
        """Make sure that the commit can be finished."""
        commit = self._require_commit(transaction)
        commit.vote()
        self._require_valid_cache()

    def tpc_finish(self, transaction: Any) -> None:
        """Make the commit durable and visible."""
        self._require_commit(transaction)
        joint_of(transaction).begin_finish()
        self._finish(transaction)

    def tpc_abort(self, transaction: Any) -> None:
        """Give up the commit and forget all changes; in any phase, also without one (TXN-4)."""
        self.abort(transaction)

    # A participant that can go back

    def savepoint(self) -> Savepoint:
        """Keep the changes so far where no other connection sees them, and return the way back.

        Nothing moves to a newer state by that (ISO-7). The objects can be emptied from now on, and
        the cache is reduced to its size (SAVE-11). Raises `ConnectionStateError` while the changes
        are being stored already, and what storing them raises, which the transaction does not
        survive.
        """
        if self._commit is not None or self._joined is None:
            raise ConnectionStateError(
                "no savepoint can be made while the changes are being stored; make it before"
            )
        return self._do_undisturbed(self._save)

    def roll_back(self, savepoint: Savepoint) -> None:
        """Go back to the state of a savepoint."""
        scratch = self._scratch
        if (
            scratch is None
            or savepoint.transaction is not self._joined
            or savepoint.length > scratch.length
        ):
            raise InvalidSavepointRollbackError(
                "its transaction has ended, or was rolled back to an earlier savepoint"
            )
        disown = self._db.rules.rollback_disowns
        self._do_undisturbed(self._undo_since, savepoint, scratch, disown=disown)

    def take_in(self, file: IO[bytes]) -> Any:
        """Keep what is in an exported file where savepoints keep theirs (SAVE-22).

        The file was read as far as its first bytes. Returns the first object, None where there is
        none. Where this raises, nothing of the file is kept.
        """
        self._join()
        self.transaction_manager.get().savepoint(optimistic=True)
        return self._do_undisturbed(self._take_in, file)

    # What others know of changes

    def invalidateCache(self) -> None:
        """Take it that any object may have changed, in ways that nobody can list (CONN-26).

        All are loaded again after the next boundary. Until then nothing is loaded, since it need
        not fit what was read before, and no changes are committed (CONN-27). It may be called from
        any thread, and while the connection is closed: it can be used as soon as it is opened.
        """
        self._announced.add_everything()

    # A synchronizer

    def beforeCompletion(self, transaction: Any) -> None:
        """Have checked what readCurrent has marked, where others of the group have changes.

        A connection with changes takes part in the commit by itself, and one that has marks alone
        joins for that purpose (CONN-35); unless its database takes part, to undo something.
        """
        if not self._read_current or self._joined is transaction:
            return
        work = pending_work(transaction, self._db)
        if work is not None:
            work.check(self._read_current)
        elif any(
            each._joined is transaction or pending_work(transaction, each._db)
            for each in self.connections.values()
        ):
            self._join()

    def newTransaction(self, transaction: Any) -> None:
        """Move to the newest state, with what the storage may learn from elsewhere (ISO-20).

        There is none where the database is closed, and the manager works on without it.
        """
        self._finish_aborts_before(transaction)
        if not self._db.is_open():
            return
        if not self._is_opening or self._db.rules.openings_sync_storage:
            self._snapshot.sync()
        self._pass_boundary()

    def afterCompletion(self, transaction: Any) -> None:
        """Move to the newest state, which programs see that go on without beginning."""
        self.abort(transaction)  # nothing is left to do unless an interrupt has cut it short
        if not self._db.is_open():
            return
        self._snapshot.complete()
        if not self._db.rules.openings_sync_storage:
            self._snapshot.sync()
        self._pass_boundary()
        self.objects.reduce()

    # What these consist of

    def _pass_boundary(self) -> None:
        """Move the snapshot, and discard what others have changed meanwhile (ISO-2 to 5).

        What they have changed is told once. So everything is discarded where the last time was
        interrupted.
        """
        self._read_current.clear()
        interrupted, self._catching_up = self._catching_up, True
        announced = self._announced.take()
        changes = self._snapshot.advance()
        if announced and changes is not None:
            changes = {**changes, **dict.fromkeys(announced, maxtid)}
        try:
            self.objects.catch_up(None if interrupted or announced is None else changes)
        except Exception:  # of a persistent class, which comes last
            self._catching_up = False
            raise
        self._catching_up = False
        self.objects.invalidate(self._refused)
        self._refused.clear()

    def _load_committed(self, oid: bytes) -> tuple[bytes, bytes]:
        """Return record and serial of an object as the snapshot shows it.

        Raises `ReadConflictError` where anything may have changed that was read before (CONN-27).
        """
        if self._announced.is_everything():
            raise ReadConflictError(
                "any object may have changed since the transaction began, and what is loaded now"
                " need not fit what was read before; abort, and begin again",
                oid=oid,
            )
        return self._snapshot.load(oid)

    def _require_valid_cache(self) -> None:
        """Raise `ConflictError` where anything may have changed that was read (CONN-27)."""
        if self._announced.is_everything():
            raise ConflictError(
                "any object may have changed since the transaction began, by invalidateCache();"
                " abort, and begin again"
            )

    def will_store(self) -> bool:
        """Tell whether a commit that begins now has something to store."""
        new = self.objects.new
        return bool(
            (self._scratch is not None and self._scratch.oids())
            or [obj for obj in self._registered if obj._p_changed or obj._p_oid in new]
        )

    def _join(self) -> None:
        """Join the manager's transaction at the first change (CONN-37, CONN-38)."""
        if self._joined is None:
            manager = self.transaction_manager
            if manager is None:  # another thread has closed the database in this moment
                raise ConnectionStateError(f"{self!r} was closed, with its database")
            self._changing_thread = threading.current_thread()
            try:
                # In this order: whoever closes the database sees the change, or is seen here.
                self._require_joinable()
                current = manager.get()
                current.join(self)
            except BaseException:
                self._changing_thread = None
                raise
            joint_of(current).add(self)
            self._joined = current

    def _require_joinable(self) -> None:
        """Refuse what could not be stored any more."""
        self._db.require_open()

    def is_changed_elsewhere(self) -> bool:
        """Tell whether another thread has changes here, or is about to make the first one."""
        return is_other_thread(self._changing_thread)

    def _goes_on(self, transaction: Any) -> bool:
        """Tell whether the commit of this transaction is finished, whoever has failed."""
        commit = self._commit
        return (
            commit is not None
            and commit.transaction is transaction
            and joint_of(transaction).must_go_on(self)
        )

    def _finish(self, transaction: Any) -> None:
        """Finish the commit; also again, where an interrupt has come in between."""
        commit, joint = self._require_commit(transaction), joint_of(transaction)
        try:
            commit.finish()
        except Exception:
            if commit.serial is None:
                joint.fail(self)
            raise
        joint.finish(self)
        self._stored += len(commit.written.keys() | commit.copied)
        if commit.serial is None:  # the storage has it, and nobody knows under which one
            self._discard_changes()
        self._end_savepoints()
        self._joined = self._commit = self._changing_thread = None
        self._registered = []

    def _abort_commit(self, transaction: Any) -> None:
        """Make the storage forget the commit of this transaction, if there is one."""
        commit = self._commit
        if commit is None or commit.transaction is not transaction:
            return
        try:
            commit.abort()
        except Exception:
            self._commit = None  # it was refused, and would be again; an interrupt leaves it
            raise
        self._commit = None

    def _save(self) -> Savepoint:
        """Keep what has changed since the last savepoint in the scratch file."""
        if self._scratch is None:
            self._scratch = Scratch()
        self.group.begin_savepoint(self)
        saving = self.saving_class(self, self.objects, self._registered, self._scratch)
        saving.store_changes()
        saving.finish()
        self._registered = []
        self.objects.reduce()
        return Savepoint(self, self._joined, self._scratch.length, self.new_objects.mark())

    def _take_in(self, file: IO[bytes]) -> Any:
        start = self._save()  # also what others have changed here while they made their share
        scratch = self._scratch
        assert scratch is not None  # by the savepoint
        stored = self.new_objects.__contains__
        writer, first = Renumbering(self), None
        weakly: dict[bytes, set[bytes]] = {}  # what refers weakly, and to what
        try:
            for old, record in records_of(file):
                oid = writer.oid(old)
                scratch.store(oid, z64, writer.renumbered(record))
                self.new_objects.take_in(oid)
                first = first or oid
                if writer.weakly:
                    weakly[oid] = writer.weakly
            writer.require_all(stored)
            settling = Settling(self, stored)
            for oid, targets in weakly.items():
                saved = None if all(map(stored, targets)) else scratch.load(oid)
                if saved is not None:
                    scratch.store(oid, z64, settling.renumbered(saved[0]))
            return None if first is None else self.get(first)
        except BaseException:
            self._undo_since(start, scratch, disown=True)
            raise

    def _discard_changes(self) -> None:
        """Disown the new objects, and make ghosts of the changed ones (LIFE-11, ISO-11).

        Where it is interrupted, what is still to be done is told by what it has not yet removed.
        """
        if self._scratch is not None:
            start = Savepoint(self, self._joined, 0, 0)
            self._undo_since(start, self._scratch, disown=True)
        self.objects.disown_new()
        self._invalidate_registered()
        self._end_savepoints()
        self._joined = self._changing_thread = None

    def _undo_since(self, savepoint: Savepoint, scratch: Scratch, *, disown: bool) -> None:
        """Bring back the state of a savepoint.

        What is disowned keeps the state that it has in memory, or else the last one that was kept
        (LIFE-13). So the changed objects are made ghosts first: what only these lead to is gone
        then, and is not loaded for nothing. When all is undone they are made ghosts once more.

        Without `disown`, what a later savepoint has stored stays owned, and is stored again.
        """
        given = self.new_objects.since(savepoint.mark)
        saved = scratch.oids()
        self._refused.update(saved)  # wherever this is interrupted
        self.objects.disown_new()
        self.objects.make_ghosts(set(saved).difference(given))
        load_ghosts(self._new_in_group() | {self: set(given)})
        self.objects.withdraw(given)
        if disown:
            self.objects.disown_new()
        scratch.go_back(savepoint.length)
        self._invalidate_registered()
        self.objects.invalidate(saved)
        self._refused.difference_update(saved)
        self.new_objects.forget(set(given).difference(self.objects.new))
        for obj in self.objects.new.values():
            self._registered.append(obj)
            obj._p_changed = True

    def _new_in_group(self) -> dict[Any, set[bytes]]:
        """Return what is new in each connection of the group, and kept by a savepoint.

        States of this connection may lead there, and states from there to this one.
        """
        members = self.connections.values()
        return {each: set(each.new_objects) for each in members if each._scratch is not None}

    def _invalidate_registered(self) -> None:
        """Make ghosts of what has changed since it was stored."""
        while self._registered:
            obj = self._registered[-1]
            try:
                if obj._p_jar is self and obj._p_oid not in self.objects.new:
                    obj._p_invalidate()
            except Exception:  # a persistent class, which loads its state
                logger.exception("%r could not be restored", obj)
            self._registered.pop()

    def _end_savepoints(self) -> None:
        """Forget what was new in the transaction, and what its savepoints have kept."""
        self.new_objects.clear()
        self.group.end_savepoints(self)
        if self._scratch is not None:
            self._scratch.close()
            self._scratch = None

    def _finish_aborts_before(self, transaction: Any) -> None:
        """Go on with what an interrupt has kept from being aborted."""
        for earlier in (self._commit and self._commit.transaction, self._joined):
            if earlier is not None and earlier is not transaction:
                self.abort(earlier)

    def _do_undisturbed(self, work: Callable[..., _Result], *args: Any, **options: Any) -> _Result:
        """Return what `work` does, where no object of the group can come in between.

        An object that is asked for its state, or gets one, may do whatever it likes; but not begin
        to store, or to undo, what is being stored or undone.
        """
        self._require_undisturbed()
        group = self.group
        group.is_at_work = True
        try:
            return work(*args, **options)
        finally:
            group.is_at_work = False

    def _require_undisturbed(self) -> None:
        if self.group.is_at_work:
            raise ConnectionStateError(
                "the changes of the transaction are being stored for a savepoint, or undone; an"
                " object cannot end it, or go back in it, from its __getstate__ or __setstate__"
            )

    def _require_before_vote(self) -> None:
        if self._commit is not None and self._commit.voted:
            raise ConnectionStateError(
                "the changes of this transaction have been voted on; objects can be changed again"
                " when it has ended"
            )

    def _require_commit(self, transaction: Any) -> Commit:
        if self._commit is None or self._commit.transaction is not transaction:
            raise StorageTransactionError(f"{self!r} has not begun to commit {transaction!r}")
        return self._commit
