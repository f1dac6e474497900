"""Several clients of one storage."""

import logging
import threading

import pytest
from transaction.interfaces import TransientError
from zodb_reference.errors import ConflictError, StorageError, StorageTransactionError
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import p64, z64
from zodb_reference.storages import ClientStorage, MemoryStorage, SQLiteStorage

A, B = p64(1), p64(2)


class Layer:
    """What stands above a storage, and notes what it is told, and what the storage told then."""

    def __init__(self, storage):
        self.storage, self.told = storage, []
        storage.registerDB(self)

    def invalidateCache(self):  # noqa: N802
        self.told.append((None, None, self.storage.lastTransaction()))

    def invalidate(self, tid, oids):
        self.told.append((tid, sorted(oids), self.storage.lastTransaction()))

    def transform_record_data(self, data):
        return data

    untransform_record_data = transform_record_data


@pytest.fixture
def connect(tmp_path):
    """Return what makes another client of the same file."""
    clients = []

    def make_client():
        clients.append(ClientStorage(tmp_path / "test.sqlite"))
        return clients[-1]

    yield make_client
    for client in clients:
        client.close()


@pytest.fixture
def one(connect):
    return connect()


@pytest.fixture
def two(connect, one):
    return connect()


def begun_elsewhere(one, two):
    """Return what stood for a transaction of `two`, and stands for one of `one`, now voted for."""
    meta = TransactionMetaData()
    two.tpc_begin(meta)
    two.tpc_abort(meta)
    one.tpc_begin(meta)
    one.store(A, z64, b"1", "", meta)
    one.tpc_vote(meta)
    return meta


def test_a_client_is_told_of_what_it_has_begun_itself_and_another_one_has_committed(one, two):
    layer = Layer(two)
    tid = one.tpc_finish(begun_elsewhere(one, two))
    assert [(found, oids) for found, oids, _ in layer.told] == [(tid, [A])]


def test_a_client_that_is_closed_leaves_alone_what_another_one_has_begun_since(one, two):
    meta = begun_elsewhere(one, two)
    two.close()
    tid = one.tpc_finish(meta)
    assert one.load(A) == (b"1", tid)


def test_what_one_client_commits_the_others_have(one, two, commit):
    tid = commit(one, {A: b"1"})
    assert two.load(A) == (b"1", tid)
    assert two.lastTransaction() == tid
    assert len(two) == 1
    meta = TransactionMetaData()
    two.tpc_begin(meta)
    with pytest.raises(ConflictError):
        two.store(A, z64, b"2", "", meta)
    two.tpc_abort(meta)


def test_others_are_told_of_all_oids_before_the_transaction_shows(one, two, commit):
    mine, other = Layer(one), Layer(two)
    first = commit(one, {A: b"1", B: b"1"})
    second = commit(one, {A: b"2"})
    assert other.told == [(first, [A, B], z64), (second, [A], first)]
    third = commit(two, {B: b"3"})
    assert mine.told == [(third, [B], second)]


def test_others_are_told_of_what_was_undone(one, two, commit, undo):
    commit(one, {A: b"1"})
    other = Layer(two)
    undo(one, 0)
    assert [oids for _, oids, _ in other.told] == [[A]]


def test_all_are_told_of_what_was_copied(one, two, commit):
    layers, other = [Layer(one), Layer(two)], MemoryStorage()
    tids = [commit(other, {A: b"1"}), commit(other, {A: b"2", B: b"2"})]
    one.copyTransactionsFrom(other)
    expected = [(tids[0], [A], z64), (tids[1], [A, B], tids[0])]
    assert [layer.told for layer in layers] == [expected, expected]


def test_nobody_is_told_of_what_was_given_up(one, two, begin):
    other = Layer(two)
    meta = begin(one)
    one.store(A, z64, b"1", "", meta)
    one.tpc_vote(meta)
    one.tpc_abort(meta)
    assert other.told == []


def test_the_committing_client_is_told_by_its_callback(one, two, begin):
    layers, told = [Layer(one), Layer(two)], []
    meta = begin(one)
    one.tpc_vote(meta)
    tid = one.tpc_finish(meta, told.append)
    assert told == [tid]
    assert [layer.told for layer in layers] == [[], [(tid, [], z64)]]


def test_a_layer_that_fails_keeps_nothing_from_the_others(connect, one, two, commit, caplog):
    third = Layer(connect())
    Layer(two).told = None
    with caplog.at_level(logging.ERROR):
        tid = commit(one, {A: b"1"})
    assert third.told == [(tid, [A], z64)]
    assert "could not take note" in caplog.text


def test_clients_take_turns_to_commit(one, two, begin):
    meta, events = begin(one), []

    def commit_too():
        other = begin(two)
        events.append("two")
        two.tpc_abort(other)

    thread = threading.Thread(target=commit_too)
    thread.start()
    events.append("one")
    one.tpc_abort(meta)
    thread.join()
    assert events == ["one", "two"]
    assert one.new_oid() != two.new_oid()


def test_one_thread_does_not_wait_for_itself(one, two, begin):
    meta = begin(one)
    with pytest.raises(StorageTransactionError, match="wait for itself"):
        begin(two)
    one.tpc_abort(meta)


def test_a_client_that_is_closed_leaves_the_others_alone(one, two, begin, commit):
    Layer(one)
    meta = begin(one)
    one.store(A, z64, b"1", "", meta)
    one.close()
    one.close()
    tid = commit(two, {A: b"2"})
    assert two.load(A) == (b"2", tid)
    assert one.sortKey() == two.sortKey()
    for use in (
        lambda: one.load(A),
        lambda: one.tpc_begin(TransactionMetaData()),
        lambda: one.tpc_finish(meta),
        lambda: one.registerDB(None),
        lambda: len(one),
    ):
        with pytest.raises(StorageError, match="closed"):
            use()


def test_the_last_client_closes_the_file(connect, one, two, commit, tmp_path):
    tid = commit(one, {A: b"1"})
    one.close()
    with pytest.raises(StorageError, match="is open already"):
        SQLiteStorage(tmp_path / "test.sqlite")
    two.close()
    storage = SQLiteStorage(tmp_path / "test.sqlite")
    assert storage.load(A) == (b"1", tid)
    storage.close()
    assert connect().load(A) == (b"1", tid)


def test_a_client_that_could_not_be_made_keeps_nobody_from_the_file(tmp_path):
    place = tmp_path / "folder" / "test.sqlite"
    with pytest.raises(FileNotFoundError):
        ClientStorage(place)
    place.parent.mkdir()
    ClientStorage(place).close()


def test_a_client_has_nothing_that_its_storage_has_not(one):
    assert repr(one).startswith("<ClientStorage of <ServedStorage")
    assert not hasattr(one, "nothing")
    assert not hasattr(one, "_history")


def test_a_forked_process_has_no_client(run_child, tmp_path):
    told = run_child("fork_client", tmp_path / "test.sqlite").splitlines()
    assert "the process was forked" in told[0]
    assert "is open already" in told[1]
    assert told[2:] == ["child ended with 0"]


def test_who_has_lost_the_connection_hears_later_what_was_committed(one, two, commit):
    other, first = Layer(two), commit(one, {A: b"1"})
    del other.told[:]
    two.disconnect()
    second, third = commit(one, {A: b"2", B: b"2"}), commit(one, {B: b"3"})
    assert (other.told, two.lastTransaction()) == ([], first)
    two.reconnect()
    assert other.told == [(second, [A, B], first), (third, [B], second)]
    assert (two.lastTransaction(), two.load(B)) == (third, (b"3", third))


def test_who_can_not_be_told_what_was_missed_has_to_forget_everything(one, two, commit):
    other, first = Layer(two), commit(one, {A: b"1"})
    del other.told[:]
    two.disconnect()
    commit(one, {A: b"2"})
    one.pack(2**33, lambda data: [])
    two.reconnect()
    two.reconnect()
    assert other.told == [(None, None, first)]


def test_calls_without_a_connection_fail_for_now(one, two, commit):
    tid, meta = commit(one, {A: b"1"}), TransactionMetaData()
    two.disconnect()
    for call in (
        lambda: two.load(A),
        lambda: len(two),
        lambda: two.tpc_begin(meta),
        lambda: two.registerDB(None),
    ):
        with pytest.raises(StorageError, match="has lost its connection") as caught:
            call()
        assert isinstance(caught.value, TransientError)
    two.tpc_abort(meta)
    assert two.sortKey() == one.sortKey()
    two.reconnect()
    assert two.load(A) == (b"1", tid)


@pytest.mark.parametrize("has_voted", [False, True])
def test_what_was_begun_is_given_up_with_the_connection(one, two, begin, commit, has_voted):
    meta = begin(two)
    two.store(A, z64, b"lost", "", meta)
    if has_voted:
        two.tpc_vote(meta)
    two.disconnect()
    tid = commit(one, {A: b"1"})
    two.reconnect()
    with pytest.raises(StorageTransactionError):
        two.tpc_finish(meta)
    two.tpc_abort(meta)
    assert two.load(A) == (b"1", tid)


def test_who_waits_for_a_turn_without_connection_blocks_nobody(one, two, begin, commit):
    meta, raised = begin(one), []

    def wait():
        with pytest.raises(StorageError, match="has lost its connection") as caught:
            two.tpc_begin(TransactionMetaData())
        raised.append(caught.value)

    waiting = threading.Thread(target=wait)
    waiting.start()
    two.disconnect()
    one.tpc_abort(meta)
    waiting.join(60)
    assert len(raised) == 1
    assert commit(one, {A: b"1"})


def test_a_client_without_connection_can_be_closed(one, two, commit):
    two.disconnect()
    two.close()
    assert commit(one, {A: b"1"})
