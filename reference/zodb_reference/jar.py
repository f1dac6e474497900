"""The part that a connection plays for its objects: their jar, which loads and registers them."""

from pathlib import Path
from typing import IO, Any

from persistent import Persistent
from persistent.interfaces import IPersistentDataManager
from persistent.list import PersistentList
from persistent.mapping import PersistentMapping
from zope.interface import implementer

from zodb_reference.blobs import Blob
from zodb_reference.errors import ConnectionStateError, InvalidObjectReference, StateLoadError
from zodb_reference.exchanging import Exchanges
from zodb_reference.identity import IdentityMap
from zodb_reference.oids import oid_repr, z64
from zodb_reference.participant import Participant
from zodb_reference.persistentclass import is_persistent_class
from zodb_reference.reading import RecordReader
from zodb_reference.savepoints import Savepoint, load_ghosts
from zodb_reference.scratch import Scratch
from zodb_reference.snapshot import Snapshot


@implementer(IPersistentDataManager)
class Jar(Participant):
    """The base of `Connection`: what its objects ask of it, and what gives them their oids.

    `opened` is the time when it was opened, in seconds since the epoch, and None while it is
    closed.
    """

    reader_class = RecordReader

    def __init__(self, db: Any, snapshot: Snapshot, objects: IdentityMap) -> None:
        super().__init__(db, snapshot, objects)
        self.opened: float | None = None
        self.reader = self.reader_class(self, self.objects)
        self._exchanges = Exchanges(objects)
        self._loaded = 0

    # For the objects

    @property
    def _cache(self) -> Any:
        """The cache, by the name under which `persistent` asks for it (IPersistentDataManager)."""
        return self.objects.cache

    def setstate(self, obj: Any) -> None:
        """Load the state of a ghost, as of the snapshot (LIFE-35).

        Raises `ConnectionStateError` on a closed connection, `StateLoadError` where the record does
        not make a state, and what `get` raises. The object stays a ghost then.
        """
        oid = obj._p_oid
        self._require_open()
        self._require_loadable(obj)
        record, serial = self._load(oid)
        is_activating = obj._p_changed is not None  # else the program has called this itself
        self.reader.set_state(obj, record)
        if is_activating and obj._p_changed is None:
            raise StateLoadError(
                f"{type(obj).__name__} {oid_repr(oid)} was invalidated while it was loaded; its"
                " __setstate__ cannot end the transaction"
            )
        obj._p_serial = serial
        self.objects.note_size(oid, obj, len(record))
        self._loaded += 1

    def register(self, obj: Any) -> None:
        """Take note that an object is about to change, and join the transaction.

        Where this raises, the change is not kept: on a closed connection (`ConnectionStateError`,
        CONN-11), after the vote, outside of a transaction in explicit mode, and in a transaction
        that has failed; and for an object whose place was taken by exchange() or resetCaches()
        (`InvalidObjectReference`), since two objects for one oid would overwrite each other.
        """
        if obj._p_jar is not self:
            raise ValueError(f"{type(obj).__name__} is not an object of {self!r}")
        if obj._p_oid is None:
            raise ValueError(
                f"{type(obj).__name__} has a _p_jar and no _p_oid; do not assign _p_jar, but call"
                " the connection's add()"
            )
        try:
            self._require_open()
            self._require_before_vote()
            self._require_found(obj)
            self._join()
        except BaseException:
            self._undo_in_memory(obj)
            raise
        self._registered.append(obj)

    def readCurrent(self, obj: Any) -> None:
        """Make the commit fail if another transaction changes `obj` first (CONN-32).

        Raises `InvalidObjectReference` for an object that is not of this connection.
        """
        self._require_own(obj, "readCurrent")
        if obj._p_changed is None:
            obj._p_activate()  # the serial of a ghost says nothing
        if obj._p_serial != z64:  # nobody else can change what is new
            self._read_current[obj._p_oid] = obj._p_serial

    def oldstate(self, obj: Any, tid: bytes) -> Any:
        """Return the state of `obj` that the transaction `tid` wrote; `POSKeyError` if none.

        This may be asked of a closed connection too, and loads nothing but that (LIFE-53). Raises
        `InvalidObjectReference` for an object that is not of this connection.
        """
        self._require_own(obj, "oldstate")
        return self.reader.state(self._snapshot.load_serial(obj._p_oid, tid))

    # For blobs

    def saved_blob(self, oid: bytes) -> Path | None:
        """Return the file with the content that the last savepoint has kept; None for none."""
        return None if self._scratch is None else self._scratch.content(oid)

    def blob_path(self, oid: bytes, serial: bytes) -> str:
        """Return the path of the content that the transaction `serial` has committed."""
        self._require_open()
        return self._snapshot.blob_path(oid, serial)

    def open_blob(self, oid: bytes, serial: bytes, blob: Any = None) -> IO[bytes]:
        """Return that content, open for reading: for `blob`, or as an ordinary file."""
        self._require_open()
        return self._snapshot.open_blob(oid, serial, blob)

    def temporary_directory(self) -> str:
        """Return the path of a folder for contents that are not stored yet."""
        return self._snapshot.temporary_directory()

    def require_blobs(self) -> None:
        """Raise `Unsupported` where the storage keeps no contents of blobs (SAVE-31)."""
        self._snapshot.require_blobs()

    # For what is new

    def new_oid(self) -> bytes:
        """Return an oid that was never used."""
        return self._snapshot.new_oid()

    def add_as(self, oid: bytes, obj: Any) -> None:
        """Give an unsaved object this oid, which no other object has."""
        self._join()
        self.new_objects.add(oid)
        self.objects.adopt(oid, obj)
        self._registered.append(obj)
        # What is changed cannot be made a ghost, and this one could not be loaded again.
        obj._p_changed = True

    def adopt(self, obj: Any) -> bytes:
        """Own an unsaved object that an object of this connection refers to (LIFE-2).

        Raises `ConnectionStateError` where the transaction was aborted while it was being stored.
        """
        if not (self.group.is_at_work or self.is_committing()):
            raise ConnectionStateError(
                f"the transaction was aborted while {type(obj).__name__} was about to be stored; a"
                " __getstate__ cannot end it"
            )
        oid = self.new_oid()
        self.new_objects.adopt(oid)
        self.objects.adopt(oid, obj)
        return oid

    def exchange(self, old: Any, new: Any) -> None:
        """Put an unsaved object in the place of `old` (LIFE-51).

        It takes over the oid, and is stored at commit, as a change of the object. It should be of
        the same class, which the references to the object name. `old` is not found by the oid any
        more, and cannot be changed; references to it that others have in memory are stored as
        references to the oid. When the transaction is aborted, or rolled back
        to an earlier savepoint, `old` is back in its place, and `new` is unsaved.

        Raises `ConnectionStateError` on a closed connection and while changes are being stored,
        `InvalidObjectReference` where `old` is not of this connection, or not any more, or `new` is
        of any, and `TypeError` where that is not persistent; nothing has changed then.
        """
        self._require_open()
        self._require_own(old, "exchange")
        self._require_found(old)
        self._require_unsaved(new)
        if isinstance(new, Blob):
            new.is_drafted()  # also an empty content takes the place of the old one
        if self._commit is not None or self.group.is_at_work:
            raise ConnectionStateError(
                f"{type(old).__name__} {oid_repr(old._p_oid)} cannot be exchanged while changes are"
                " being stored; do it before, or in another transaction"
            )
        serial = self._load(old._p_oid)[1] if old._p_changed is None else old._p_serial
        self._join()
        length = 0 if self._scratch is None else self._scratch.length
        self._exchanges.make(old, new, serial, length)
        self._registered[:] = [obj for obj in self._registered if obj is not old]
        self._registered.append(new)
        new._p_changed = True
        old._p_changed = False

    # What these consist of

    def _discard_changes(self) -> None:
        self._undo_exchanges(0)
        super()._discard_changes()

    def _undo_since(self, savepoint: Savepoint, scratch: Scratch, *, disown: bool) -> None:
        self._undo_exchanges(savepoint.length)
        super()._undo_since(savepoint, scratch, disown=disown)

    def _undo_exchanges(self, length: int) -> None:
        if not self._exchanges.is_any_since(length):
            return
        load_ghosts(self._new_in_group())  # what these keep may lead to the new objects
        self._exchanges.undo_since(length, self._registered)
        for each in self.connections.values():  # and what anything else has, must not
            each.objects.reload_besides(set(each.new_objects))

    def _end_savepoints(self) -> None:
        self._exchanges.clear()
        super()._end_savepoints()

    def _load_class(self, oid: bytes) -> bytes:
        """Return a record of an object, of which the class part is to be read."""
        return self._load(oid)[0]

    def _load(self, oid: bytes) -> tuple[bytes, bytes]:
        """Return record and serial of an object: of its last savepoint, or else of the snapshot."""
        saved = None if self._scratch is None else self._scratch.load(oid)
        return self._load_committed(oid) if saved is None else saved

    def _require_open(self) -> None:
        if self.opened is None:
            raise ConnectionStateError(
                f"{self!r} is closed; open a connection, and load the objects through that one"
            )

    def _require_own(self, obj: Any, method: str) -> None:
        if obj._p_jar is not self:
            raise InvalidObjectReference(
                f"{type(obj).__name__} belongs to {obj._p_jar!r}; call its {method} instead"
            )

    def _require_found(self, obj: Any) -> None:
        """Refuse an object that is not the one that is found by its oid."""
        if not self.objects.has(obj):
            self._require_open()  # closing a database drops caches, also in other threads
            raise InvalidObjectReference(
                f"{type(obj).__name__} {oid_repr(obj._p_oid)} is not the object of this oid any"
                " more: its place was taken by exchange(), or its cache dropped by resetCaches();"
                " load the object again"
            )

    def _require_unsaved(self, obj: Any) -> None:
        """Refuse an object that cannot be given an oid."""
        if not (isinstance(obj, Persistent) or is_persistent_class(obj)):
            raise TypeError(
                f"{type(obj).__name__} is not persistent, and only what is can be added;"
                " store it as part of the state of an object that is"
            )
        if obj._p_jar is not None or obj._p_oid is not None:
            raise InvalidObjectReference(
                f"{type(obj).__name__} {oid_repr(obj._p_oid)} belongs to {obj._p_jar!r} and cannot"
                f" be added to {self!r}; add a copy of it"
            )

    def _require_loadable(self, obj: Any) -> None:
        """Refuse to load what is not, or not in this state, in the database yet.

        That is a new object, or one stored by the commit under way, which the program has made a
        ghost. Its old state would be taken for the one to change.
        """
        oid = obj._p_oid
        if oid in self.objects.new or (
            self._joined is not None and self._commit is not None and oid in self._commit.written
        ):
            raise ConnectionStateError(
                f"{type(obj).__name__} {oid_repr(oid)} was deactivated or invalidated before its"
                " changes were committed, and they are lost; abort the transaction"
            )

    def _undo_in_memory(self, obj: Any) -> None:
        """Discard a change that was made in memory before it was registered (LIFE-20).

        The persistent containers change first and register then. What they held is in their
        record, if they have one, since an object that has changed before does not register again.
        So do BTrees, and classes that set `_p_changed` last; but these may be in the middle of a
        method that does not expect to lose its state, and are discarded at the next boundary.
        """
        oid = obj._p_oid
        if isinstance(obj, PersistentMapping | PersistentList) and oid not in self.objects.new:
            obj._p_invalidate()
        elif not isinstance(obj, type):  # a persistent class asks first
            self._refused.add(oid)
