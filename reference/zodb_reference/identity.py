"""One object for one oid: which objects a connection owns, and how they come and go."""

import time
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from persistent import Persistent, PickleCache

from zodb_reference.blobs import Blob
from zodb_reference.oids import z64


class _NoStates:
    """A jar that leaves the objects that it loads as they are."""

    def setstate(self, obj: Any) -> None:
        pass


_NO_STATES = _NoStates()


class IdentityMap:
    """The objects of one connection by their oids (LIFE-30).

    `cache` holds those that the database knows. `new` holds those that got their oid in the
    transaction under way, and keeps them out of the cache, which could empty them before there is
    anything to load them from. `made` is None, or a list to which every ghost that is made here is
    appended.
    """

    def __init__(self, jar: Any) -> None:
        self._jar = jar
        self.cache = PickleCache(jar)
        self.new: dict[bytes, Any] = {}
        self._arriving: dict[bytes, Any] = {}
        self.made: list[Any] | None = None
        self.last_reduced = 0.0  # in seconds since the epoch

    # The cache as a whole

    def reduce(self) -> None:
        """Make ghosts of what was used least recently, down to the size of the cache (CONN-22)."""
        self.last_reduced = time.time()
        self.cache.incrgc()

    def minimize(self) -> None:
        """Make ghosts of all objects without changes (CONN-23)."""
        self.cache.minimize()

    def sweep(self) -> None:
        """Make ghosts of all objects without changes, going through the whole cache (CONN-25)."""
        self.last_reduced = time.time()
        self.cache.full_sweep()

    def start_again(self) -> None:
        """Take an empty cache of the same size; objects that are in memory are found no more."""
        last, self.cache = self.cache, PickleCache(self._jar)
        self.resize(last.cache_size, last.cache_size_bytes)

    def resize(self, size: int, size_bytes: int) -> None:
        """Change the size to which the cache is reduced, in objects and, unless 0, in bytes."""
        self.cache.cache_size, self.cache.cache_size_bytes = size, size_bytes

    def cached(self) -> list[tuple[bytes, Any]]:
        """Return oids and objects in the cache."""
        return [*self.cache.cache_data.items()]

    # One object for one oid

    def find(self, oid: bytes) -> Any:
        """Return the object that has the oid, or None."""
        found = self.cache.get(oid)
        if found is None:
            found = self.new.get(oid)
        if found is None:
            found = self._arriving.get(oid)
        return found

    def has(self, obj: Any) -> bool:
        """Tell whether an object is the one that has its oid."""
        oid = obj._p_oid
        return (
            self.cache.get(oid) is obj or self.new.get(oid) is obj or self._arriving.get(oid) is obj
        )

    def add_ghost(self, oid: bytes, ghost: Any) -> None:
        """Own an object that was made from a record or a reference."""
        # A persistent class loads its state at this moment, and may meet references to itself.
        self._arriving[oid] = ghost
        try:
            self.cache.new_ghost(oid, ghost)
        finally:
            del self._arriving[oid]
        if self.made is not None:
            self.made.append(ghost)

    def adopt(self, oid: bytes, obj: Any) -> None:
        """Own an unsaved object: it gets oid and jar together (LIFE-1)."""
        try:
            obj._p_oid = oid
            obj._p_jar = self._jar
        except BaseException:
            self._disown(obj)
            raise
        self.new[oid] = obj

    def replace(self, old: Any, new: Any, serial: bytes) -> None:
        """Let an unsaved object have the oid of `old`, which keeps it, and is found no more.

        What changes it is made from the revision `serial` (LIFE-51). Where this is interrupted,
        `restore` puts everything back.
        """
        oid = old._p_oid
        is_new = oid in self.new
        if not is_new:
            del self.cache[oid]
        self.adopt(oid, new)
        if not is_new:
            new._p_serial = serial
            self.cache[oid] = new
            del self.new[oid]

    def restore(self, old: Any, new: Any, *, is_new: bool) -> None:
        """Let `old` be found again, and make unsaved what has replaced it, or was about to.

        `is_new` tells that `old` is new in this transaction, and was not kept by a savepoint.
        """
        oid = old._p_oid
        if self.cache.get(oid) is new:
            del self.cache[oid]
        if is_new:
            self.new[oid] = old
        else:
            self.new.pop(oid, None)
            self.cache[oid] = old
            new._p_serial = z64  # or else it would be taken for a change of something
        self._disown(new)

    def disown_new(self) -> None:
        """Make every new object unsaved again; its state in memory stays as it is (LIFE-11)."""
        for oid, obj in reversed(list(self.new.items())):
            # After an interrupt it may be done already, or in the cache and in the database.
            if obj._p_oid == oid and self.cache.get(oid) is not obj:
                self._disown(obj)
            del self.new[oid]

    def _disown(self, obj: Any) -> None:
        # Whatever the class makes of assignments, the object must not keep its identity.
        base = type(obj) if isinstance(obj, type) else Persistent
        if obj._p_changed is None:
            # The program has emptied it. Unsaved objects are no ghosts, so it stays empty.
            base.__setattr__(obj, "_p_jar", _NO_STATES)
            obj._p_activate()
        base.__setattr__(obj, "_p_changed", False)
        base.__delattr__(obj, "_p_jar")
        base.__delattr__(obj, "_p_oid")

    def reload_besides(self, oids: Collection[bytes]) -> None:
        """Make ghosts of all other objects without changes, so that they are loaded again."""
        for oid, obj in self.cache.lru_items():
            if oid not in oids:
                obj._p_deactivate()

    def note_size(self, oid: bytes, obj: Any, size: int) -> None:
        """Keep the size of a cached object's record, by which the cache may be limited."""
        if isinstance(obj, Persistent):  # a persistent class has no place for it
            self.cache.update_object_size_estimation(oid, size)
            obj._p_estimated_size = size

    def keep(self, written: dict[bytes, Any], sizes: dict[bytes, int]) -> None:
        """Take it that these objects, all new ones among them, can be loaded from now on.

        `sizes` are those of their records.
        """
        for oid, obj in list(self.new.items()):
            self.cache[oid] = obj
            del self.new[oid]
        for oid, obj in written.items():
            self.note_size(oid, obj, sizes[oid])

    def settle(self, written: dict[bytes, Any], sizes: dict[bytes, int], serial: bytes) -> None:
        """Take it that the transaction `serial` has written these objects (LIFE-16)."""
        self.keep(written, sizes)
        for obj in written.values():
            obj._p_serial = serial

    def settle_copied(self, oids: Iterable[bytes], serial: bytes) -> None:
        """Take it that the transaction `serial` has written these, which may be out of memory."""
        for oid in oids:
            obj = self.cache.get(oid)
            if obj is not None:
                obj._p_serial = serial

    def withdraw(self, oids: Iterable[bytes]) -> None:
        """Take it that these objects, which were kept, cannot be loaded any more."""
        for oid in oids:
            obj = self.cache.get(oid)
            if obj is not None:
                if isinstance(obj, Blob):
                    obj.keep_saved()
                self.new[oid] = obj
                del self.cache[oid]

    def ghosts_among(self, oids: Iterable[bytes]) -> list[Any]:
        """Return those of these objects that are in memory, and have no state."""
        cached = (self.cache.get(oid) for oid in oids)
        return [obj for obj in cached if obj is not None and obj._p_changed is None]

    def catch_up(self, changes: Mapping[bytes, bytes] | None) -> None:
        """Discard what is older than these changes, of oids at tids; everything for None (ISO-3).

        What this connection has committed itself is not older (ISO-34), unless it was loaded again
        from a snapshot before that.
        """
        if changes is None:
            self.invalidate(self.cache.cache_data)
            return
        cached = ((oid, self.cache.get(oid), tid) for oid, tid in changes.items())
        self.invalidate(
            [oid for oid, obj, tid in cached if obj is not None and (obj._p_serial or z64) < tid]
        )

    def invalidate(self, oids: Collection[bytes]) -> None:
        """Discard the state of these objects, so that it is loaded again.

        Persistent classes are loaded at once, and last: this may fail, and must not keep another
        object from being invalidated.
        """
        self.make_ghosts(oids)
        self.cache.invalidate([oid for oid in oids if isinstance(self.cache.get(oid), type)])

    def make_ghosts(self, oids: Collection[bytes]) -> None:
        """Discard the state of these objects, except for classes, which cannot be without one."""
        self.cache.invalidate([oid for oid in oids if not isinstance(self.cache.get(oid), type)])
