"""What a storage relies on in each history, whatever it asks itself."""

import pytest
from zodb_reference.oids import maxtid, p64, z64
from zodb_reference.storages.history import Record, Transaction

A, B = p64(1), p64(2)
TIDS = [p64(1 << 40), p64(2 << 40), p64(3 << 40)]


@pytest.fixture
def history(storage):
    """Return the empty history of a storage of each kind in turn."""
    return storage._history


def transaction(number, *oids):
    tid = TIDS[number]
    records = tuple(Record(oid, tid, b"data %d" % number) for oid in oids)
    return Transaction(tid, " ", b"user", b"description", b"", records)


def answers(history):
    """Return everything that `history` tells of A, B, and the three transactions."""
    return [
        history.last_tid(),
        history.last_oid(),
        history.count(),
        *(history.newest(oid) for oid in (A, B)),
        *(history.find(oid, before) for oid in (A, B) for before in (None, *TIDS, maxtid)),
        *(history.next_tid(oid, tid) for oid in (A, B) for tid in (z64, *TIDS)),
        *(history.revisions(oid) for oid in (A, B)),
        history.next_oid(z64),
        history.held(),
        *(notes.tid for tid in (z64, *TIDS) if (notes := history.notes(tid, maxtid))),
    ]


def test_what_is_prepared_is_not_told(history):
    empty = answers(history)
    history.prepare(transaction(0, A))
    assert answers(history) == empty
    history.publish(transaction(0, A))
    first = answers(history)
    assert first != empty
    history.prepare(transaction(1, A, B))
    assert answers(history) == first


def test_what_is_prepared_anew_takes_the_place_of_what_was(history):
    history.prepare(transaction(0, A))
    history.publish(transaction(0, A))
    history.prepare(transaction(1, A, B))
    history.prepare(transaction(2, A))
    history.publish(transaction(2, A))
    assert history.find(A) == Record(A, TIDS[2], b"data 2")
    assert history.find(A, TIDS[2]) == Record(A, TIDS[0], b"data 0")
    assert history.find(B) is None
    assert history.notes(TIDS[1], TIDS[1]) is None
    assert history.records(TIDS[2]) == transaction(2, A).records
    assert (history.last_tid(), history.last_oid(), history.count()) == (TIDS[2], A, 1)


def test_what_is_published_again_after_an_interrupt_is_there_once(history):
    history.prepare(transaction(0, A, B))
    history.publish(transaction(0, A, B))
    once = answers(history), history.size()
    history.publish(transaction(0, A, B))
    assert (answers(history), history.size()) == once
    history.prepare(transaction(1, A))
    history.publish(transaction(1, A))
    assert [history.records(tid) for tid in TIDS[:2]] == [
        transaction(0, A, B).records,
        transaction(1, A).records,
    ]
