"""Faults in the life of objects: how they become owned, and what an abort makes of them."""

from __future__ import annotations

from typing import Any

from persistent import Persistent
from zodb_reference.committing import Commit
from zodb_reference.connections import Connection
from zodb_reference.errors import POSKeyError
from zodb_reference.identity import IdentityMap
from zodb_reference.oids import p64, u64, z64
from zodb_reference.storages.twophase import TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together


@double("object.unsaved-or-owned")
def an_abort_takes_the_jar_and_leaves_the_oid() -> Fault:
    """An object that an abort disowns loses its jar and keeps its oid.

    It can neither be added again, since it has an oid, nor be loaded or stored, since nobody owns
    it: the program is left with an object that no connection wants.
    """

    def disown_new(correct: Any, objects: IdentityMap) -> None:
        given = dict(objects.new)
        correct(objects)
        for oid, obj in given.items():
            obj._p_oid = oid

    return around(IdentityMap, "disown_new", disown_new)


@double("object.add-foreign-refused")
def add_ignores_the_objects_of_others() -> Fault:
    """`add` does nothing with an object of another connection, and does not say so.

    The program goes on as if the object were stored with its transaction, which it is not.
    """

    def add(correct: Any, connection: Connection, obj: Any) -> None:
        connection._require_open()
        if not isinstance(obj, Persistent) or obj._p_jar in (None, connection):
            correct(connection, obj)

    return around(Connection, "add", add)


@double("object.add-again-is-nothing")
def add_marks_what_it_owns_as_changed() -> Fault:
    """To add an object that the connection owns already marks it as changed.

    A program that adds to make sure writes records without need, and meets conflicts over objects
    that nobody changed.
    """

    def add(correct: Any, connection: Connection, obj: Any) -> None:
        correct(connection, obj)
        if isinstance(obj, Persistent) and obj._p_oid not in connection.objects.new:
            obj._p_changed = True

    return around(Connection, "add", add)


@double("object.add-assigns-oid")
def add_waits_for_the_commit() -> Fault:
    """`add` remembers the object, and gives it its oid only when the transaction commits.

    Whoever adds an object to learn its oid, for an index say, gets none.
    """
    add = Connection.add

    def add_later(correct: Any, connection: Connection, obj: Any) -> None:
        connection._require_open()
        if isinstance(obj, Persistent) and obj._p_jar is None:
            connection._join()
            vars(connection).setdefault("later", []).append(obj)
        else:
            correct(connection, obj)

    def tpc_begin(correct: Any, connection: Connection, transaction: Any) -> None:
        for obj in vars(connection).pop("later", ()):
            add(connection, obj)
        correct(connection, transaction)

    return together(
        around(Connection, "add", add_later), around(Connection, "tpc_begin", tpc_begin)
    )


@double("object.oids-are-fresh")
def oids_of_aborted_objects_are_given_again() -> Fault:
    """The oid of an object whose transaction was aborted is given to the next new object.

    A program that has kept the oid, in a log or in another database, later finds an object there
    that has nothing to do with it.
    """

    def disown_new(correct: Any, objects: IdentityMap) -> None:
        given_back = vars(objects._jar.db().storage).setdefault("given_back", [])
        given_back += objects.new
        correct(objects)

    def new_oid(correct: Any, storage: TwoPhaseStorage) -> bytes:
        given_back: list[bytes] = vars(storage).get("given_back", [])
        return given_back.pop() if given_back else correct(storage)

    return together(
        around(IdentityMap, "disown_new", disown_new), around(TwoPhaseStorage, "new_oid", new_oid)
    )


@double("object.get-returns-added")
def get_overlooks_added_objects() -> Fault:
    """`get` finds what is stored only, and not what was added in this transaction.

    The oid that `add` has just given leads to a KeyError: code that hands oids around works or
    fails depending on whether a commit came in between.
    """

    def get(correct: Any, connection: Connection, oid: bytes) -> Any:
        if oid in connection.objects.new:
            raise POSKeyError(oid)
        return correct(connection, oid)

    return around(Connection, "get", get)


@double("object.add-is-stored", also="object.disowned-is-new")
def added_objects_are_not_stored() -> Fault:
    """A commit stores what is reached from changed objects, and leaves out what was added.

    The object has an oid and looks stored; where nothing refers to it, only its oid is left after
    the process ends, and where something does, the reference dangles.
    """

    def is_due(correct: Any, commit: Commit, obj: Any) -> bool:
        oid = obj._p_oid
        return (oid == z64 or oid not in commit._objects.new) and correct(commit, obj)

    return around(Commit, "_is_due", is_due)


@double("object.abort-disowns")
def an_abort_forgets_the_objects_that_were_reached() -> Fault:
    """An abort disowns the objects that were added, and leaves those owned that the commit reached.

    After a conflict the program tries again, and links the same new object: it has an oid, so it is
    taken for stored, and the commit writes a reference to a record that does not exist.
    """

    def adopt(correct: Any, connection: Connection, obj: Any) -> bytes:
        oid: bytes = correct(connection, obj)
        vars(connection.objects).setdefault("reached", set()).add(oid)
        return oid

    def disown_new(correct: Any, objects: IdentityMap) -> None:
        for oid in vars(objects).pop("reached", ()):
            objects.new.pop(oid, None)
        correct(objects)

    return together(
        around(Connection, "adopt", adopt), around(IdentityMap, "disown_new", disown_new)
    )


@double("object.abort-keeps-memory")
def an_abort_empties_what_it_disowns() -> Fault:
    """An abort invalidates new objects like changed ones, so they lose what they hold.

    There is no record to load it from again: the input of the user is gone, and the next try
    stores empty objects.
    """

    def disown_new(correct: Any, objects: IdentityMap) -> None:
        new = [obj for obj in objects.new.values() if isinstance(obj, Persistent)]
        correct(objects)
        for obj in new:
            held = vars(obj)
            held.get("data", held).clear()

    return around(IdentityMap, "disown_new", disown_new)


@double("object.disowned-is-new")
def what_was_disowned_once_is_never_stored() -> Fault:
    """An object that was disowned gets an oid when it is reached again, and is not stored.

    The second try after a conflict commits a reference to nothing.  That shows when somebody
    follows it, maybe years later.
    """

    def disown_new(correct: Any, objects: IdentityMap) -> None:
        new = [obj for obj in objects.new.values() if isinstance(obj, Persistent)]
        correct(objects)
        for obj in new:
            vars(obj)["_v_disowned"] = True

    def store(correct: Any, commit: Commit, obj: Any) -> None:
        if obj._p_oid in commit._objects.new and "_v_disowned" in vars(obj):
            commit._objects.new.pop(obj._p_oid)
        else:
            correct(commit, obj)

    return together(around(IdentityMap, "disown_new", disown_new), around(Commit, "_store", store))


@double("object.commit-sets-serial")
def serials_are_not_those_of_the_storage() -> Fault:
    """A connection makes up the serials of what it stored, from its own clock, and does not take
    the one of the storage, except for the first object.

    The next change of the others is refused: it looks as if another transaction had changed them
    meanwhile.
    """

    def settle(correct: Any, objects: IdentityMap, written: dict[bytes, Any], *rest: Any) -> None:
        correct(objects, written, *rest)
        for obj in list(written.values())[1:]:
            obj._p_serial = p64(u64(obj._p_serial) + 1)

    return around(IdentityMap, "settle", settle)


@double("object.commit-keeps-state")
def a_commit_takes_an_attribute_from_memory() -> Fault:
    """A commit leaves the objects that it stored without their last attribute in memory, unless
    they have only that.

    The record is right, but the next change of the object makes the loss permanent.
    """

    def settle(correct: Any, objects: IdentityMap, written: dict[bytes, Any], *rest: Any) -> None:
        correct(objects, written, *rest)
        for obj in written.values():
            held = vars(obj).get("data", vars(obj))
            if len(held) > 1:
                del held[max(held)]

    return around(IdentityMap, "settle", settle)
