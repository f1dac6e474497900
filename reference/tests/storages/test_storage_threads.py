"""One storage, used by many threads."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from zodb_reference.errors import POSError, StorageError
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import maxtid, p64, u64, z64

A, B = p64(1), p64(2)


def in_thread(function, *arguments, **options):
    """Start `function` in a thread, and return the future of its result.

    No pool is used: it would wait for a thread that a failing test leaves blocked.
    """

    def run():
        try:
            future.set_result(function(*arguments, **options))
        except BaseException as error:  # noqa: BLE001 - the future tells it
            future.set_exception(error)

    future = Future()
    threading.Thread(target=run, daemon=True).start()
    return future


def is_blocked(future):
    """Tell whether `future` is not done although it had the time for it."""
    time.sleep(0.05)
    return not future.done()


@pytest.mark.parametrize("end", ["finish", "abort", "failing callback"])
def test_who_begins_waits_for_the_transaction_of_another_thread(storage, begin, end):
    meta = begin(storage)
    waiting = in_thread(begin, storage)
    assert is_blocked(waiting)
    if end == "abort":
        storage.tpc_abort(meta)
    else:
        storage.tpc_vote(meta)
        assert is_blocked(waiting)
        if end == "finish":
            storage.tpc_finish(meta)
        else:
            with pytest.raises(ZeroDivisionError):
                storage.tpc_finish(meta, lambda tid: 1 // 0)
    other = waiting.result(10)
    assert storage.tpc_transaction() is other
    storage.tpc_abort(other)


def test_one_of_two_who_wait_may_be_refused_and_the_other_goes_on(storage, begin):
    meta = begin(storage, tid=p64(1 << 62))
    refused = in_thread(begin, storage, tid=p64(1 << 40))
    assert is_blocked(refused)
    waiting = in_thread(lambda: storage.tpc_abort(begin(storage)))
    assert is_blocked(waiting)
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
    with pytest.raises(ValueError, match="later than"):
        refused.result(10)
    waiting.result(10)


def test_who_waits_is_told_when_the_storage_is_closed(storage, begin):
    begin(storage)
    waiting = in_thread(begin, storage)
    assert is_blocked(waiting)
    storage.close()
    with pytest.raises(StorageError, match="was closed"):
        waiting.result(10)


def test_who_waits_is_told_when_the_history_fails(storage, begin, monkeypatch):
    meta = begin(storage)
    waiting = in_thread(begin, storage)
    assert is_blocked(waiting)
    storage.tpc_vote(meta)
    monkeypatch.setattr(storage._history, "publish", lambda transaction: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        storage.tpc_finish(meta)
    with pytest.raises(StorageError, match="open the storage again"):
        waiting.result(10)


def test_a_transaction_may_be_ended_by_another_thread(storage, begin, commit):
    meta = begin(storage)
    storage.store(A, z64, b"a", "", meta)

    def end():
        storage.tpc_vote(meta)
        return storage.tpc_finish(meta)

    tid = in_thread(end).result(10)
    assert storage.load(A) == (b"a", tid)
    commit(storage, {B: b"b"})


def test_nobody_sees_the_transaction_until_its_callback_has_returned(storage, begin, commit):
    first = commit(storage, {A: b"old"})
    meta = begin(storage)
    storage.store(A, first, b"new", "", meta)
    storage.tpc_vote(meta)
    readers = []

    def callback(tid):
        readers.extend(
            in_thread(read)
            for read in (
                storage.lastTransaction,
                lambda: storage.getTid(A),
                lambda: storage.load(A)[1],
                lambda: storage.loadBefore(A, maxtid)[1],
                lambda: storage.history(A)[0]["tid"],
                lambda: [transaction.tid for transaction in storage.iterator()][-1],
            )
        )
        time.sleep(0.05)
        answered.extend(reader for reader in readers if reader.done())

    answered = []
    tid = storage.tpc_finish(meta, callback)
    assert answered == []
    assert [reader.result(10) for reader in readers] == [tid] * 6


def test_commits_and_reads_of_many_threads_agree(storage):
    """Each commit adds 1 to one account and takes 1 from another, whatever the others do."""
    writers, commits, accounts = 4, 15, [p64(number) for number in range(1, 4)]
    meta = TransactionMetaData()
    storage.tpc_begin(meta)
    for oid in accounts:
        storage.store(oid, z64, b"0", "", meta)
    storage.tpc_vote(meta)
    announced = [storage.tpc_finish(meta)]
    writing = threading.Event()
    writing.set()

    def transfer(number):
        done = 0
        while done < commits:
            source, target = accounts[number % 3], accounts[(number + 1) % 3]
            (old_source, serial_source), (old_target, serial_target) = (
                storage.load(source),
                storage.load(target),
            )
            meta = TransactionMetaData()
            storage.tpc_begin(meta)
            try:
                storage.store(source, serial_source, b"%d" % (int(old_source) - 1), "", meta)
                storage.store(target, serial_target, b"%d" % (int(old_target) + 1), "", meta)
                storage.tpc_vote(meta)
            except POSError:
                storage.tpc_abort(meta)
            else:
                storage.tpc_finish(meta, announced.append)
                done += 1

    def watch():
        seen = z64
        while writing.is_set():
            last = storage.lastTransaction()
            assert last >= seen
            seen = last
            assert last in announced
            before = p64(u64(last) + 1)
            assert sum(int(storage.loadBefore(oid, before)[0]) for oid in accounts) == 0
            assert storage.getTid(accounts[0]) <= storage.getTid(accounts[0])
        return seen

    with ThreadPoolExecutor(writers + 2) as pool:
        watchers = [pool.submit(watch) for _ in range(2)]
        try:
            for writer in [pool.submit(transfer, number) for number in range(writers)]:
                writer.result(60)
        finally:
            writing.clear()
        for watcher in watchers:
            watcher.result(10)

    assert announced == sorted(set(announced))
    assert len(announced) == 1 + writers * commits
    assert [transaction.tid for transaction in storage.iterator()] == announced
