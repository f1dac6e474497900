"""Several threads on one database, each with connections of its own."""

import random
import threading
import time

import pytest
import transaction
from persistent import Persistent
from zodb_reference import DB
from zodb_reference.storages import MemoryStorage, SQLiteStorage

THREADS = 4
SECONDS = 0.7


class Account(Persistent):
    def __init__(self, balance):
        self.balance = balance


class Tally(Persistent):
    """Counts; conflicts are resolved by adding up."""

    count = 0

    def _p_resolveConflict(self, old, committed, new):
        return {"count": committed["count"] + new["count"] - old.get("count", 0)}


@pytest.fixture(params=["memory", "sqlite"])
def db(request, tmp_path):
    if request.param == "memory":
        storage = MemoryStorage()
    else:
        storage = SQLiteStorage(tmp_path / "test.sqlite")
    db = DB(storage, pool_size=THREADS)
    with db.transaction() as connection:
        connection.root.accounts = [Account(100) for _ in range(10)]
        connection.root.tally = Tally()
        connection.root.tally.count = 0
    yield db
    db.close()


def run(work):
    """Run work(random numbers, deadline) in several threads; raise what one of them raised."""
    failures = []

    def guarded(number):
        try:
            work(random.Random(number), time.monotonic() + SECONDS)
        except BaseException as failure:  # noqa: BLE001 - it is raised again in the main thread
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(n,), daemon=True) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a thread hangs"
    if failures:
        raise failures[0]


def test_transfers_between_accounts_keep_the_sum(db):
    """Every snapshot shows the same sum: no read is torn, no update is lost."""
    transfers = []

    def transfer(root, numbers):
        accounts = root.accounts
        assert sum(account.balance for account in accounts) == 1000
        source, target = numbers.sample(accounts, 2)
        amount = numbers.randint(1, 10)
        source.balance -= amount
        target.balance += amount
        assert sum(account.balance for account in accounts) == 1000

    def work(numbers, deadline):
        manager = transaction.TransactionManager()
        done = 0
        while time.monotonic() < deadline:
            connection = db.open(manager)
            for _ in range(numbers.randint(1, 5)):
                for attempt in manager.attempts(1000):
                    with attempt:
                        transfer(connection.root, numbers)
                done += 1
            if numbers.random() < 0.2:
                connection.cacheMinimize()
            connection.close()
        transfers.append(done)

    run(work)
    assert len(transfers) == THREADS
    assert min(transfers) > 0
    with db.transaction() as connection:
        balances = [account.balance for account in connection.root.accounts]
        assert sum(balances) == 1000
        assert len(set(balances)) > 1


def test_what_conflict_resolution_merges_is_counted_once(db):
    counted = []

    def work(numbers, deadline):
        manager = transaction.TransactionManager()
        connection = db.open(manager)
        done = 0
        while time.monotonic() < deadline:
            manager.begin()
            seen = connection.root.tally.count
            assert seen >= done
            connection.root.tally.count += 1
            manager.commit()
            done += 1
        counted.append(done)
        connection.close()

    run(work)
    with db.transaction() as connection:
        assert connection.root.tally.count == sum(counted)


def test_new_objects_of_all_threads_are_stored(db):
    added = []

    def work(numbers, deadline):
        while time.monotonic() < deadline:
            with db.transaction() as connection:
                account = Account(numbers.randint(0, 100))
                account.next = Account(account.balance + 1)
                connection.add(account)
            added.append((account._p_oid, account.balance))
            oid, balance = numbers.choice(added)
            with db.transaction() as connection:
                assert connection.get(oid).balance == balance
                assert connection.get(oid).next.balance == balance + 1

    run(work)
    assert len({oid for oid, _ in added}) == len(added)
