"""What one connection has changed in a transaction, and the ways back from there.

Changes are kept in memory and, by savepoints, in a temporary file. An abort takes back all of them,
a rollback those since a savepoint.
"""

import logging
import threading
from collections.abc import Callable
from typing import IO, Any, TypeVar

from transaction.interfaces import InvalidSavepointRollbackError

from zodb_reference.errors import ConnectionStateError
from zodb_reference.exporting import Renumbering, Settling, records_of
from zodb_reference.identity import IdentityMap
from zodb_reference.joint import is_other_thread, joint_of
from zodb_reference.newness import NewObjects
from zodb_reference.oids import z64
from zodb_reference.savepoints import Savepoint, Saving, load_ghosts
from zodb_reference.scratch import Scratch

logger = logging.getLogger(__name__)

_Result = TypeVar("_Result")


class Changes:
    """The base of `Participant`: what it has changed, as far as the storage knows nothing of it.

    `new_objects` tells what has got its oid in the transaction under way.
    """

    saving_class = Saving

    group: Any
    connections: dict[str, Any]  # those of the group, by the names of their databases
    get: Callable[[bytes], Any]
    is_committing: Callable[[], bool]
    temporary_directory: Callable[[], str]

    def __init__(self, db: Any, objects: IdentityMap) -> None:
        self.transaction_manager: Any = None
        self.objects = objects
        self.new_objects = NewObjects(db.rules.newness)
        self._db = db
        self._joined: Any = None  # the transaction with changes of this connection
        self._changing_thread: threading.Thread | None = None  # the one that has joined, or is to
        self._registered: list[Any] = []  # what it has changed or added, in this order
        self._refused: set[bytes] = set()  # what may have changed in memory all the same
        self._scratch: Scratch | None = None  # what savepoints of the transaction have kept

    def savepoint(self) -> Savepoint:
        """Keep the changes so far where no other connection sees them, and return the way back.

        Nothing moves to a newer state by that (ISO-7). The objects can be emptied from now on, and
        the cache is reduced to its size (SAVE-11). Raises `ConnectionStateError` while the changes
        are being stored already, and what storing them raises, which the transaction does not
        survive.
        """
        if self.is_committing() or self._joined is None:
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

    def will_store(self) -> bool:
        """Tell whether a commit that begins now has something to store."""
        new = self.objects.new
        return bool(
            (self._scratch is not None and self._scratch.oids())
            or [obj for obj in self._registered if obj._p_changed or obj._p_oid in new]
        )

    def is_changed_elsewhere(self) -> bool:
        """Tell whether another thread has changes here, or is about to make the first one."""
        return is_other_thread(self._changing_thread)

    # What these consist of

    def _join(self) -> None:
        """Join the manager's transaction at the first change (CONN-37, CONN-38)."""
        if self._joined is None:
            self._changing_thread = threading.current_thread()
            try:
                # In this order: whoever closes the database sees the change, or is seen here.
                self._require_joinable()
                current = self.transaction_manager.get()
                current.join(self)
            except BaseException:
                self._changing_thread = None
                raise
            joint_of(current).add(self)
            self._joined = current

    def _require_joinable(self) -> None:
        """Refuse what could not be stored any more."""
        self._db.require_open()

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
            for old, record, content in records_of(file, self.temporary_directory):
                oid = writer.oid(old)
                try:
                    scratch.store(oid, z64, writer.renumbered(record), content)
                except BaseException:
                    if content is not None:
                        content.unlink()
                    raise
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
