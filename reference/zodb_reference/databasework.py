"""What a database itself does in a transaction of the program, such as to undo another one.

It takes part in the transaction like a connection, once for all that it is asked to do, and does
nothing before the commit: what was asked for since a savepoint is forgotten on the way back to it.
All connections, also those of the program that has asked, learn of the changes when the storage
announces them, and not before (STOR-55).
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from transaction.interfaces import IDataManagerSavepoint, ISavepointDataManager
from zope.interface import implementer

from zodb_reference.errors import ConnectionStateError, StorageTransactionError
from zodb_reference.invalidation import News
from zodb_reference.joint import claim_storage, is_other_thread, joint_of
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.snapshot import Snapshot


class Task(NamedTuple):
    """One thing to do: `do` calls the storage, and returns what connections are to be told of it.

    `afterwards` is called when all that the database does in the transaction is durable.
    """

    do: Callable[[Snapshot, TransactionMetaData], News]
    afterwards: Callable[[], None] = lambda: None

    def __call__(self, snapshot: Snapshot, meta: TransactionMetaData) -> News:
        """Do it."""
        return self.do(snapshot, meta)


@implementer(ISavepointDataManager)
class DatabaseWork:
    """What one database does in one transaction: `tasks`, in their order.

    The storage takes one commit at a time. So where a connection to the same storage has changes in
    the same transaction, the commit is refused, and nothing is changed (TXN-14).
    """

    def __init__(self, database: Any, new_snapshot: Callable[[], Snapshot]) -> None:
        self.database = database
        self.tasks: list[Task] = []
        self._read_current: dict[bytes, bytes] = {}
        self.is_joined = False
        self._new_snapshot = new_snapshot
        self._begun: tuple[Snapshot, TransactionMetaData] | None = None
        self._news: list[News] = []
        self._was_finishing = False
        self._thread: threading.Thread | None = None  # the one that has asked

    def __repr__(self) -> str:
        return f"<work of the database {self.database.database_name!r}>"

    def add(self, transaction: Any, task: Task) -> None:
        """Do this as well when the transaction is committed.

        Raises `ConnectionStateError` while it is being committed already, and what the transaction
        raises where nothing can join it.
        """
        if self._begun is not None:
            raise ConnectionStateError(
                "the transaction is being committed already; ask for this in a new one"
            )
        if not self.is_joined:
            self._thread = threading.current_thread()
            transaction.join(self)
            joint_of(transaction).add(self)
            self.is_joined = True
        self.tasks.append(task)

    def check(self, read: Mapping[bytes, bytes]) -> None:
        """Make the commit fail unless these oids are in these revisions (CONN-32).

        A connection asks for that whose transaction has no changes but these: the storage takes one
        commit at a time.
        """
        self._read_current.update(read)

    def will_store(self) -> bool:
        """Tell whether a commit that begins now has something to store."""
        return bool(self.tasks)

    def is_committing(self) -> bool:
        """Tell whether a commit is under way, perhaps in another thread."""
        return self._begun is not None

    def is_changed_elsewhere(self) -> bool:
        """Tell whether another thread has asked for something, and may ask for more."""
        return self.is_joined and is_other_thread(self._thread)

    # A participant of the transaction

    def sortKey(self) -> str:
        """Return what orders the participants of a transaction (TXN-2)."""
        return f"{self.database.storage.sortKey()}:{id(self)}"

    def tpc_begin(self, transaction: Any) -> None:
        """Begin the storage's transaction."""
        meta = TransactionMetaData(
            transaction.user,
            transaction.description,
            {**transaction.extension, **joint_of(transaction).note(self)},
        )
        claim_storage(transaction, self.database.storage, self)
        self.database.require_open()
        snapshot = self._new_snapshot()
        self._begun = snapshot, meta
        snapshot.begin(meta)
        joint_of(transaction).begun(self, snapshot, meta)

    def commit(self, transaction: Any) -> None:
        """Do what was asked for, as far as the storage; it raises what keeps it from being done."""
        snapshot, meta = self._require_begun()
        joint_of(transaction).date(self, snapshot, meta)
        for task in self.tasks:
            self._news.append(task(snapshot, meta))
        written = {oid for news in self._news for oid in news.oids or ()}
        for oid, serial in self._read_current.items():
            if oid not in written:
                snapshot.check_current(oid, serial, meta)

    def tpc_vote(self, transaction: Any) -> None:
        """Make sure that it can be finished."""
        snapshot, meta = self._require_begun()
        self._news.append(News(snapshot.vote(meta)))

    def tpc_finish(self, transaction: Any) -> None:
        """Make it durable and visible, and have it announced to all connections."""
        self._require_begun()
        joint_of(transaction).begin_finish()
        self._finish(transaction)

    def tpc_abort(self, transaction: Any) -> None:
        """Give it up, in any phase; where other databases have finished, finish all the same."""
        if self._begun is not None:
            if joint_of(transaction).must_go_on(self):
                self._finish(transaction)
                return
            snapshot, meta = self._begun
            snapshot.abort(meta)
        self._end()

    def abort(self, transaction: Any) -> None:
        """Give it up; nothing was done yet unless the commit has begun."""
        self.tpc_abort(transaction)

    def savepoint(self) -> "_Savepoint":
        """Return the way back to what was asked for by now."""
        return _Savepoint(self, len(self.tasks))

    # What these consist of

    def _finish(self, transaction: Any) -> None:
        """Finish; also again, where an interrupt has come in between."""
        snapshot, meta = self._require_begun()
        joint = joint_of(transaction)
        again, self._was_finishing = self._was_finishing, True
        try:
            snapshot.finish_with(meta, self._news)
        except Exception as error:
            # Else the interrupt has come right after the storage had finished.
            if not (again and isinstance(error, StorageTransactionError)):
                joint.fail(self)
                raise
        joint.finish(self)
        done = [*self.tasks]
        self._end()
        for task in done:
            task.afterwards()

    def _end(self) -> None:
        """Forget all, so that it can be asked for something else in the same transaction."""
        if self._begun is not None:
            snapshot, _ = self._begun
            snapshot.complete()
            snapshot.release()
        self.tasks.clear()
        self._news.clear()
        self._read_current.clear()
        self._begun, self._was_finishing, self.is_joined = None, False, False

    def _require_begun(self) -> tuple[Snapshot, TransactionMetaData]:
        if self._begun is None:
            raise StorageTransactionError(f"{self!r} has not begun")
        return self._begun


@implementer(IDataManagerSavepoint)
class _Savepoint:
    def __init__(self, work: DatabaseWork, length: int) -> None:
        self._work = work
        self._length = length

    def rollback(self) -> None:
        """Forget what was asked for since then."""
        del self._work.tasks[self._length :]


def work_in(transaction: Any, database: Any, new_snapshot: Callable[[], Snapshot]) -> DatabaseWork:
    """Return what `database` does in `transaction`, always the same."""
    try:
        work: DatabaseWork = transaction.data(database)
    except KeyError:
        work = DatabaseWork(database, new_snapshot)
        transaction.set_data(database, work)
    return work


def pending_work(transaction: Any, database: Any) -> DatabaseWork | None:
    """Return what `database` is to do in `transaction`, if it was asked for something."""
    try:
        work: DatabaseWork = transaction.data(database)
    except KeyError:
        return None
    return work if work.tasks else None
