from zodb_reference.invalidation import InvalidationLog
from zodb_reference.oids import p64, z64


def oids(*numbers):
    return {p64(number) for number in numbers}


def test_a_reader_gets_what_was_committed_since_it_read_last():
    log = InvalidationLog()
    log.append(p64(1), oids(10))
    _, position = log.read(0, p64(1))
    log.append(p64(2), oids(20, 21))
    log.append(p64(3), oids(21, 30))
    changed, position = log.read(position, p64(3))
    assert changed == {p64(20): p64(2), p64(21): p64(3), p64(30): p64(3)}
    assert log.read(position, p64(3)) == ({}, position)


def test_commits_after_the_snapshot_stay_unread():
    log = InvalidationLog()
    log.append(p64(1), oids(10))
    log.append(p64(2), oids(20))
    changed, position = log.read(0, p64(1))
    assert changed == {p64(10): p64(1)}
    assert log.read(position, p64(2))[0] == {p64(20): p64(2)}


def test_a_reader_that_fell_too_far_behind_is_told_that_anything_may_have_changed():
    log = InvalidationLog()
    log.max_oids = 10
    for tid in range(1, 20):
        log.append(p64(tid), oids(tid))
    changed, position = log.read(0, p64(19))
    assert changed is None
    log.append(p64(20), oids(20))
    assert log.read(position, p64(20))[0] == {p64(20): p64(20)}


def test_the_log_is_bounded_by_the_number_of_oids():
    log = InvalidationLog()
    log.max_oids = 10
    for tid in range(1, 100):
        log.append(p64(tid), oids(tid))
    kept = {p64(tid): p64(tid) for tid in range(95, 100)}  # each counts for itself and for its oid
    assert log.read(94, p64(99)) == (kept, 99)
    assert log.read(93, p64(99)) == (None, 99)
    log.append(p64(100), oids(*range(100)))
    assert log.read(99, p64(100)) == (None, 100)


def test_a_commit_that_cannot_be_enumerated_may_have_changed_anything():
    log = InvalidationLog()
    log.append(p64(1), oids(10))
    log.append(z64, None)
    changed, position = log.read(0, p64(1))
    assert changed is None
    assert log.read(position, p64(1))[0] == {}
