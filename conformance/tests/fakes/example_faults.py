"""A fault for every example: each clause is broken on purpose, in ZODB or in what it rests on.

The faults are as small as they can be. A clause that ZODB itself does not obey needs none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pickle import PicklingError
from typing import Any
from unittest.mock import Mock, patch

import transaction
import ZODB.BaseStorage
import ZODB.broken
import ZODB.ConflictResolution
import ZODB.Connection
import ZODB.serialize
import ZODB.utils
from persistent import Persistent
from transaction import Transaction, TransactionManager
from ZODB.Connection import Connection, RootConvenience
from ZODB.DB import DB
from ZODB.mvccadapter import MVCCAdapterInstance
from ZODB.persistentclass import PersistentMetaClass
from ZODB.POSException import ConflictError, StateLoadError
from ZODB.serialize import ObjectReader, ObjectWriter
from zodb_conformance.specimens import Asked, Slotted
from zodb_conformance.things import Holder, Named, Thing

Fault = Callable[[], AbstractContextManager[Any]]

obeyed_by_nobody: Fault = nullcontext
Resolving = ZODB.ConflictResolution.ConflictResolvingStorage
Reference = ZODB.ConflictResolution.PersistentReference


def instead(owner: Any, name: str, replacement: Any) -> Fault:
    """The fault that something else stands in the place of an attribute."""
    return lambda: patch.object(owner, name, replacement, create=True)


def around(owner: Any, name: str, fault: Callable[..., Any]) -> Fault:
    """The fault that a function does something else with the right one, its first argument."""
    right = getattr(owner, name)
    return instead(owner, name, lambda *args, **options: fault(right, *args, **options))


def before(owner: Any, name: str, action: Callable[..., Any]) -> Fault:
    """The fault that a function does something first, with the same arguments."""

    def fault(right: Any, *args: Any, **options: Any) -> Any:
        action(*args, **options)
        return right(*args, **options)

    return around(owner, name, fault)


def nothing(*_: Any, **__: Any) -> None:
    """Do nothing."""


# What objects do by themselves.


def changes_first(thing: Any, name: str, value: Any) -> None:
    if not name.startswith("_"):
        thing.__dict__[name] = value


def ignores_the_mark_on_ghosts(thing: Any, name: str, value: Any) -> None:
    if (name, thing._p_changed) != ("_p_changed", None):
        Persistent.__setattr__(thing, name, value)


def compares(thing: Any, name: str, value: Any) -> None:
    if name.startswith("_") or thing.__dict__.get(name) != value:
        Persistent.__setattr__(thing, name, value)


def marks_when_read(thing: Any, name: str) -> Any:
    if name == "values":
        thing._p_changed = True
    return Persistent.__getattribute__(thing, name)


# Transactions.


def heals_doom(txn: Any) -> None:
    if txn.isDoomed():
        txn.status = transaction._transaction.Status.ACTIVE
        raise transaction.interfaces.DoomedTransaction


def begins_without_abort(manager: Any) -> Any:
    manager._txn = Transaction(manager._synchs, manager)
    return manager._txn


def keeps_alive(manager: Any, synchronizer: Any) -> None:
    manager.__dict__.setdefault("kept", []).append(synchronizer)


def leaves_one_out(txn: Any) -> None:
    if len(txn._resources) == 2:
        txn._resources.pop().abort(txn)


def registers_with_the_thread(right: Any, connection: Any, thing: Any = None) -> None:
    if thing is None or thing._p_serial == bytes(8):
        right(connection, thing)
    elif connection._needs_to_join:
        transaction.get().join(connection)
        connection._needs_to_join = False
        connection._registered_objects.append(thing)


def begins_when_opened(right: Any, *args: Any) -> Any:
    connection = right(*args)
    if getattr(connection.transaction_manager, "explicit", False):
        connection.transaction_manager.begin()
    return connection


def adds_nothing_in_a_commit(right: Any, connection: Any, thing: Any) -> None:
    if connection._added_during_commit is None:
        right(connection, thing)


# Isolation.


def checks_all_reads(right: Any, connection: Any, thing: Any) -> None:
    right(connection, thing)
    connection._readCurrent[thing._p_oid] = thing._p_serial


def keeps_marks(right: Any, connection: Any, *args: Any) -> None:
    marks = dict(connection._readCurrent)
    right(connection, *args)
    connection._readCurrent.update(marks)


def checks_what_it_writes(connection: Any, txn: Any) -> None:
    for oid, serial in connection._readCurrent.items():
        connection._storage.checkCurrentSerialInTransaction(oid, serial, txn.data(connection))


def loses_its_way(right: Any, connection: Any, oid: bytes) -> Any:
    try:
        return right(connection, oid)
    except KeyError as error:
        raise AttributeError(oid) from error


@contextmanager
def notices_conflicts_late() -> Iterator[None]:
    def commits(right: Any, connection: Any, txn: Any) -> None:
        try:
            right(connection, txn)
        except ConflictError as error:
            connection.late = error

    def votes(right: Any, connection: Any, txn: Any) -> None:
        if not hasattr(connection, "late"):
            right(connection, txn)

    def finishes(right: Any, connection: Any, txn: Any) -> None:
        if hasattr(connection, "late"):
            raise connection.late
        right(connection, txn)

    with (
        around(Connection, "commit", commits)(),
        around(Connection, "tpc_vote", votes)(),
        around(Connection, "tpc_finish", finishes)(),
    ):
        yield


def fails_before_the_first(right: Any, storage: Any, oid: bytes) -> Any:
    if storage._start is None:
        raise LookupError("no snapshot yet")
    return right(storage, oid)


def needs_all_classes(right: Any, *names: str) -> Any:
    if "lent" in names:
        raise ImportError(names)
    return right(*names)


# Records.


def dumps(change: Callable[[Any, Any], tuple[Any, Any]]) -> Fault:
    """The fault that something else is written than description and state of an object."""
    return around(
        ObjectWriter, "_dump", lambda right, writer, *parts: right(writer, *change(*parts))
    )


def dumps_one_pickle(writer: Any, description: Any, state: Any) -> bytes:
    writer._file.seek(0)
    writer._p.dump((description, state))
    writer._file.truncate()
    return bytes(writer._file.getvalue())


def dumps_nothing_unpicklable(right: Any, writer: Any, description: Any, state: Any) -> Any:
    try:
        return right(writer, description, state)
    except (AttributeError, PicklingError, TypeError):
        return right(writer, description, {})


def forgets_new_arguments(writer: Any, thing: Any) -> Any:
    return writer._dump(type(thing), thing.__getstate__())


def refers(change: Callable[[Any], Any]) -> Fault:
    """The fault that references are written in another form."""
    return around(ObjectWriter, "persistent_id", lambda right, *args: change(right(*args)))


def refers_to_pretenders(right: Any, writer: Any, thing: Any) -> Any:
    return thing._p_oid if isinstance(thing, Holder) else right(writer, thing)


def asks_for_arguments(writer: Any, thing: Any) -> None:
    if isinstance(thing, Named):
        thing.__getnewargs__()


def refuses_in_references(kind: type) -> Fault:
    """The fault that a reader refuses references that are, or have a part, of one type."""

    def check(reader: Any, form: Any) -> None:
        assert not any(type(part) is kind for part in (form if type(form) is tuple else [form]))

    return before(ObjectReader, "_persistent_load", check)


def reads_written_forms_only(reader: Any, record: bytes) -> Any:
    description = reader._get_unpickler(record).load()
    klass, args = description if isinstance(description, tuple) else (description, ())
    return klass.__new__(klass, *args)


def reads_protocol_3_only(reader: Any, record: bytes) -> None:
    assert record.startswith(b"\x80\x03")


def finds_classes_by_itself(reader: Any, record: bytes) -> None:
    reader._factory = lambda connection, *names: ZODB.broken.find_global(*names)


def never_finds_lent_classes(db: Any, connection: Any, module: str, name: str) -> Any:
    return ZODB.broken.find_global("nowhere" if module == "lent" else module, name)


def sets_states(fault: Callable[[Any, Any], None]) -> Fault:
    """The fault that objects get their states in another way."""
    return instead(
        ObjectReader,
        "setGhostState",
        lambda reader, thing, record: fault(thing, reader.getState(record)),
    )


def updates_the_dictionary(thing: Any, state: Any) -> None:
    thing.__dict__.update(state)


def passes_over_none(thing: Any, state: Any) -> None:
    if state is not None:
        thing.__setstate__(state)


def lets_errors_through(thing: Any, state: Any) -> None:
    thing.__setstate__(state)


def lets_bad_pickles_through(reader: Any, record: bytes) -> Any:
    unpickler = reader._get_unpickler(record)
    unpickler.load()
    return unpickler.load()


def takes_conflicts_for_damage(thing: Any, state: Any) -> None:
    try:
        thing.__setstate__(state)
    except Exception as error:
        raise StateLoadError from error


def never_tries_again(thing: Any, state: Any) -> None:
    if thing._p_oid in FAILED:
        return
    try:
        thing.__setstate__(state)
    except Exception as error:
        FAILED.add(thing._p_oid)
        raise StateLoadError from error


def loads_nothing_after_a_failure(connection: Any, *_: Any) -> None:
    txn = connection.transaction_manager.get()
    assert txn.status is not transaction._transaction.Status.COMMITFAILED


def shares_values(right: Any, *args: Any) -> Any:
    state = right(*args)
    if "values" in state:
        state["values"] = SHARED.setdefault("values", state["values"])
    return state


NO_META_DATA = ZODB.BaseStorage.TransactionMetaData()
FAILED: set[bytes] = set()
SHARED: dict[str, Any] = {}


FAULTS: dict[str, Fault] = {
    "persistence.registers-before-it-changes": before(Thing, "__setattr__", changes_first),
    "persistence.containers-register-first": obeyed_by_nobody,
    "persistence.volatile-attributes": instead(Thing, "__getstate__", lambda self: self.__dict__),
    "persistence.state-includes-slots": instead(Slotted, "__getstate__", nothing),
    "persistence.change-inside-a-value-is-unseen": instead(
        Thing, "__getattribute__", marks_when_read
    ),
    "persistence.marking-a-ghost-loads-it": instead(
        Thing, "__setattr__", ignores_the_mark_on_ghosts
    ),
    "persistence.unsaved-is-never-changed": instead(Thing, "_p_changed", True),
    "persistence.deactivate-and-invalidate": before(
        Thing, "_p_deactivate", lambda thing: Persistent.__setattr__(thing, "_p_changed", False)
    ),
    "persistence.unmarked-is-not-stored": before(
        Connection,
        "_commit",
        lambda self, _: [setattr(one, "_p_changed", True) for one in self._registered_objects],
    ),
    "persistence.equal-value-is-a-change": instead(Thing, "__setattr__", compares),
    "persistence.jar-without-oid-refused": instead(Connection, "register", nothing),
    "transaction.phases-in-sort-order": instead(
        transaction._transaction, "rm_key", lambda member: 0
    ),
    "transaction.failure-undoes-all": instead(Transaction, "_cleanup", nothing),
    "transaction.join-while-active": instead(
        Transaction, "join", lambda self, member: self._resources.append(member)
    ),
    "transaction.doomed-stays-doomed": before(Transaction, "commit", heals_doom),
    "transaction.begin-in-mid-transaction": instead(
        TransactionManager, "begin", begins_without_abort
    ),
    "transaction.synchronizers": instead(
        TransactionManager, "registerSynch", lambda self, one: self._synchs.add(one)
    ),
    "transaction.synchronizers-are-held-weakly": before(
        TransactionManager, "registerSynch", keeps_alive
    ),
    "transaction.before-commit-hooks": instead(Transaction, "_callBeforeCommitHooks", nothing),
    "transaction.after-commit-hooks": instead(Transaction, "_callAfterCommitHooks", nothing),
    "transaction.note-appends": instead(
        Transaction, "note", lambda self, text: setattr(self, "description", text)
    ),
    "transaction.retries": instead(TransactionManager, "_retryable", nothing),
    "transaction.conflict-is-transient": instead(TransactionManager, "_retryable", nothing),
    "transaction.meta-data": instead(
        ZODB.Connection, "TransactionMetaData", lambda *_: NO_META_DATA
    ),
    "transaction.sort-keys": instead(Connection, "sortKey", lambda self: "the same"),
    "transaction.sort-key-begins-with-the-storage": instead(
        Connection, "sortKey", lambda self: str(id(self))
    ),
    "transaction.failure-before-begin": instead(Connection, "abort", nothing),
    "transaction.tpc-abort-at-any-time": obeyed_by_nobody,
    "root.oid-is-zero": instead(RootConvenience, "__call__", lambda self: Thing()),
    "root.first-transaction": around(DB, "transaction", lambda right, db, note: right(db)),
    "root.is-a-mapping": instead(RootConvenience, "__call__", lambda self: dict(self._root)),
    "root.attribute-shorthand": instead(RootConvenience, "__delattr__", nothing),
    "connection.default-transaction-manager": instead(
        transaction, "manager", transaction.ThreadTransactionManager()
    ),
    "connection.closed-refuses-questions": instead(Connection, "isReadOnly", lambda found: False),
    "connection.missing-object-is-a-key-error": around(Connection, "get", loses_its_way),
    "connection.knows-its-database": around(
        Connection, "db", lambda right, connection: right(connection) if connection.opened else None
    ),
    "connection.alone-in-its-group": before(
        Connection, "open", lambda self, *_: self.connections.update(other=self)
    ),
    "connection.add-persistent-only": instead(Connection, "add", nothing),
    "connection.registers-with-its-manager": around(
        Connection, "_register", registers_with_the_thread
    ),
    "connection.joins-once": before(
        Connection, "_register", lambda self, *_: setattr(self, "_needs_to_join", True)
    ),
    "connection.explicit-manager": around(DB, "open", begins_when_opened),
    "connection.explicit-read": around(MVCCAdapterInstance, "load", fails_before_the_first),
    "connection.two-in-one-transaction": before(Transaction, "commit", leaves_one_out),
    "isolation.failed-commit-may-be-boundary": before(
        Connection, "setstate", loads_nothing_after_a_failure
    ),
    "isolation.write-skew-is-possible": around(Connection, "setstate", checks_all_reads),
    "isolation.conflict-by-the-vote": notices_conflicts_late,
    "isolation.no-torn-read": around(
        MVCCAdapterInstance, "load", lambda right, self, oid: self._storage.load(oid)
    ),
    "isolation.serializable-with-read-current": instead(Connection, "readCurrent", nothing),
    "isolation.read-current-of-a-ghost": obeyed_by_nobody,
    "isolation.read-current-of-a-stranger": instead(Connection, "readCurrent", nothing),
    "isolation.read-current-and-written": before(Connection, "commit", checks_what_it_writes),
    "isolation.read-current-ends-at-the-boundary": around(
        Connection, "newTransaction", keeps_marks
    ),
    "resolution.three-states": around(
        Asked, "_p_resolveConflict", lambda right, self, old, *states: right(self, {}, *states)
    ),
    "resolution.new-instance-with-arguments": instead(
        ObjectWriter, "serialize", forgets_new_arguments
    ),
    "resolution.references-are-opaque": instead(
        Reference, "weak", property(lambda self: False, nothing)
    ),
    "resolution.references-compare-or-fail": instead(
        Reference, "__eq__", lambda self, other: self.oid == other.oid
    ),
    "resolution.failure-is-a-conflict": instead(
        Resolving, "tryToResolveConflict", Mock(side_effect=ZeroDivisionError)
    ),
    "resolution.missing-value-class-is-a-conflict": instead(
        Resolving, "tryToResolveConflict", lambda self, oid, committed, old, new, *_: new
    ),
    "resolution.referenced-classes-are-not-needed": around(
        ZODB.ConflictResolution, "find_global", needs_all_classes
    ),
    "broken.loads-with-its-state": instead(ZODB.broken.Broken, "__setstate__", nothing),
    "broken.keeps-new-arguments": obeyed_by_nobody,
    "broken.refuses-change": instead(
        ZODB.broken.PersistentBroken, "__setattr__", Persistent.__setattr__
    ),
    "broken.deletion-refused": obeyed_by_nobody,
    "broken.may-be-referenced": refers(lambda form: bytes(8) if type(form) is bytes else form),
    "broken.class-restored": instead(DB, "classFactory", never_finds_lent_classes),
    "broken.value-inside-a-state": instead(
        ZODB.broken.Broken, "__reduce__", lambda self: (dict, ())
    ),
    "loading.error-becomes-state-load-error": sets_states(lets_errors_through),
    "loading.unpickling-error-becomes-state-load-error": instead(
        ObjectReader, "getState", lets_bad_pickles_through
    ),
    "loading.conflict-passes-unchanged": sets_states(takes_conflicts_for_damage),
    "loading.failed-ghost-stays-a-ghost": sets_states(never_tries_again),
    "storing.values-are-copied": around(ObjectReader, "getState", shares_values),
    "storing.pretenders-are-values": around(ObjectWriter, "persistent_id", refers_to_pretenders),
    "storing.pretending-classes-are-ordinary": obeyed_by_nobody,
    "storing.local-classes-refused": around(ObjectWriter, "_dump", dumps_nothing_unpicklable),
    "storing.added-while-storing": around(Connection, "add", adds_nothing_in_a_commit),
    "storing.changed-while-storing": obeyed_by_nobody,
    "storing.failure-leaves-no-trace": obeyed_by_nobody,
    "storing.new-arguments-when-stored": before(ObjectWriter, "persistent_id", asks_for_arguments),
    "storing.large-records-warn": instead(ZODB.Connection, "warnings", Mock()),
    "persistent-class.stored-as-an-object": refers(lambda form: None),
    "persistent-class.is-never-a-ghost": instead(PersistentMetaClass, "_p_invalidate", nothing),
    "persistent-class.abort-reloads": instead(PersistentMetaClass, "_p_invalidate", nothing),
    "persistent-class.instances": instead(ObjectWriter, "serialize", forgets_new_arguments),
    "record.two-pickles": instead(ObjectWriter, "_dump", dumps_one_pickle),
    "record.pickle-protocol": instead(ZODB.serialize, "_protocol", 2),
    "record.class-description": dumps(lambda description, state: ((description, None), state)),
    "record.state-is-what-getstate-gives": sets_states(updates_the_dictionary),
    "record.state-may-be-none": sets_states(passes_over_none),
    "record.new-arguments": instead(ObjectWriter, "serialize", forgets_new_arguments),
    "record.references": refers(lambda form: form[0] if type(form) is tuple else form),
    "record.references-found-without-classes": around(
        ZODB.serialize, "referencesf", lambda right, record: [*right(record), bytes(8)]
    ),
    "record.ids-are-numbers": instead(
        ZODB.utils, "newTid", lambda last: ZODB.utils.p64(ZODB.utils.u64(last or bytes(8)) + 1)
    ),
    "record.reads-class-descriptions": instead(ObjectReader, "getGhost", reads_written_forms_only),
    "record.reads-references": refuses_in_references(tuple),
    "record.reads-text-oids": refuses_in_references(str),
    "record.reads-older-protocols": before(ObjectReader, "_get_unpickler", reads_protocol_3_only),
    "record.unknown-reference-refused": instead(
        ObjectReader, "loaders", defaultdict(lambda: nothing, ObjectReader.loaders)
    ),
    "record.falls-back-to-own-record": instead(
        ObjectReader, "load_persistent", lambda reader, oid, klass: klass.__new__(klass)
    ),
    "record.class-factory-finds-classes": before(
        ObjectReader, "_get_unpickler", finds_classes_by_itself
    ),
}
"""For every example, the fault that it has to notice."""
