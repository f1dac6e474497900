"""The interface: what can be called on a storage.

What each call does is stated where it belongs. Here stands only that the calls are there, and can
be made as they are written, so that whatever knows the protocol finds the same in every storage. A
storage may take more arguments, and have more methods.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example


@example(
    "storage.interface",
    MUST,
    rules="STOR-1 STOR-17 STOR-18 STOR-22 STOR-23 STOR-25 STOR-30 STOR-31",
)
def interface() -> None:
    """Every storage has these methods, and says how many objects it has.

    >>> offers(storage, '''
    ... close()
    ... getName()
    ... getSize()
    ... isReadOnly()
    ... lastTransaction()
    ... load(oid)
    ... load(oid, '')
    ... loadBefore(oid, tid)
    ... loadSerial(oid, serial)
    ... new_oid()
    ... registerDB(wrapper)
    ... sortKey()
    ... store(oid, serial, data, '', transaction)
    ... tpc_begin(transaction)
    ... tpc_vote(transaction)
    ... tpc_finish(transaction)
    ... tpc_finish(transaction, function)
    ... tpc_abort(transaction)
    ... ''')
    >>> isinstance(len(storage), int), isinstance(storage.getName(), str)
    (True, True)
    """


@example("storage.interface-of-checks", MUST, rules="STOR-2 STOR-38")
def interface_of_checks() -> None:
    """Every storage can be asked whether what a transaction has read is current, and to keep it so.

    >>> offers(storage, '''
    ... checkCurrentSerialInTransaction(oid, serial, transaction)
    ... ''')
    """


@example("storage.interface-of-history", MUST, rules="STOR-26", needs="history")
def interface_of_history() -> None:
    """A storage that lists the revisions of an object has a method for it.

    >>> offers(storage, '''
    ... history(oid)
    ... history(oid, number)
    ... history(oid, size=number)
    ... ''')
    """


@example("storage.interface-of-packing", MUST, rules="STOR-45", needs="pack")
def interface_of_packing() -> None:
    """A storage that can be packed has a method for it, which is given the time and a function that
    finds the references in a record.

    >>> offers(storage, '''
    ... pack(time, references)
    ... ''')
    """


@example("storage.interface-of-undo", MUST, rules="STOR-51 STOR-56", needs="undo")
def interface_of_undo() -> None:
    """A storage that can undo transactions says so, lists them, and undoes them.

    >>> offers(storage, '''
    ... supportsUndo()
    ... undo(id, transaction)
    ... undoLog()
    ... undoLog(first, last)
    ... undoLog(first, last, filter)
    ... undoInfo()
    ... undoInfo(first, last)
    ... undoInfo(first, last, specification)
    ... ''')
    """


@example("storage.interface-of-iteration", MUST, rules="STOR-27", needs="iteration")
def interface_of_iteration() -> None:
    """A storage that lists its transactions takes bounds by position.

    >>> offers(storage, '''
    ... iterator()
    ... iterator(first)
    ... iterator(first, last)
    ... ''')
    """


@example("storage.interface-of-records", MUST, rules="STOR-42", needs="record-iteration")
def interface_of_records() -> None:
    """A storage that lists its current records takes what it gave with the one before.

    >>> offers(storage, '''
    ... record_iternext()
    ... record_iternext(cookie)
    ... record_iternext(next=cookie)
    ... ''')
    """


@example("storage.interface-of-deletion", MUST, rules="STOR-43", needs="deletion")
def interface_of_deletion() -> None:
    """A storage in which objects can be deleted has a method for it.

    >>> offers(storage, '''
    ... deleteObject(oid, serial, transaction)
    ... ''')
    """


@example("storage.interface-of-restoring", MUST, rules="STOR-16 STOR-40 STOR-41", needs="restoring")
def interface_of_restoring() -> None:
    """A storage into which others can be copied takes their tids, their records, and all of them.

    >>> offers(storage, '''
    ... tpc_begin(transaction, tid)
    ... tpc_begin(transaction, tid, status)
    ... restore(oid, serial, data, '', hint, transaction)
    ... copyTransactionsFrom(other)
    ... ''')
    """


@example("storage.interface-of-instances", MUST, rules="STOR-35", needs="instances")
def interface_of_instances() -> None:
    """A storage that brings its own snapshots gives instances, and moves and ends them.

    >>> offers(storage.new_instance(), '''
    ... new_instance()
    ... poll_invalidations()
    ... sync()
    ... sync(force)
    ... release()
    ... ''')
    """


@example("storage.instances-announced", MUST, rules="STOR-35", needs="instances")
def instances_announced() -> None:
    """A storage that brings its own snapshots says so by the interface `IMVCCStorage`, and each of
    its instances as well: who is not told of them gives all connections one instance, or looks
    after snapshots in a way of his own.

    >>> from zope.interface import providedBy
    >>> instances = [storage, storage.new_instance()]
    >>> kinds = [{each.__name__ for each in providedBy(one).flattened()} for one in instances]
    >>> ["IMVCCStorage" in kind for kind in kinds]
    [True, True]
    """


@example("storage.interface-of-blobs", MUST, rules="STOR-61", needs="blobs")
def interface_of_blobs() -> None:
    """A storage that keeps blobs takes files, gives them, and says where to make them.

    >>> offers(storage, '''
    ... storeBlob(oid, serial, data, filename, '', transaction)
    ... loadBlob(oid, serial)
    ... openCommittedBlobFile(oid, serial)
    ... openCommittedBlobFile(oid, serial, blob)
    ... temporaryDirectory()
    ... ''')
    """


@example("storage.interface-of-serving", MUST, rules="STOR-65", needs="serving")
def interface_of_serving() -> None:
    """A storage that can be served to others tells what is being committed, and the current tid of
    an object.

    >>> offers(storage, '''
    ... tpc_transaction()
    ... getTid(oid)
    ... ''')
    """
