from zodb_reference.invalidation import Fate, InvalidationLog, News
from zodb_reference.oids import p64, z64


def oids(*numbers):
    return {p64(number) for number in numbers}


def test_a_reader_gets_what_was_committed_since_it_read_last():
    log = InvalidationLog()
    log.append(p64(1), News(oids(10)))
    _, position = log.read(0, p64(1))
    log.append(p64(2), News(oids(20, 21)))
    log.append(p64(3), News(oids(21, 30)))
    changed, position = log.read(position, p64(3))
    assert changed == {p64(20): p64(2), p64(21): p64(3), p64(30): p64(3)}
    assert log.read(position, p64(3)) == ({}, position)


def test_commits_after_the_snapshot_stay_unread():
    log = InvalidationLog()
    log.append(p64(1), News(oids(10)))
    log.append(p64(2), News(oids(20)))
    changed, position = log.read(0, p64(1))
    assert changed == {p64(10): p64(1)}
    assert log.read(position, p64(2))[0] == {p64(20): p64(2)}


def test_a_reader_that_fell_too_far_behind_is_told_that_anything_may_have_changed():
    log = InvalidationLog()
    log.max_oids = 10
    for tid in range(1, 20):
        log.append(p64(tid), News(oids(tid)))
    changed, position = log.read(0, p64(19))
    assert changed is None
    log.append(p64(20), News(oids(20)))
    assert log.read(position, p64(20))[0] == {p64(20): p64(20)}


def test_the_log_is_bounded_by_the_number_of_oids():
    log = InvalidationLog()
    log.max_oids = 10
    for tid in range(1, 100):
        log.append(p64(tid), News(oids(tid)))
    kept = {p64(tid): p64(tid) for tid in range(95, 100)}  # each counts for itself and for its oid
    assert log.read(94, p64(99)) == (kept, 99)
    assert log.read(93, p64(99)) == (None, 99)
    log.append(p64(100), News(oids(*range(100))))
    assert log.read(99, p64(100)) == (None, 100)


def test_a_commit_that_cannot_be_enumerated_may_have_changed_anything():
    log = InvalidationLog()
    log.append(p64(1), News(oids(10)))
    log.append(z64, News(None))
    changed, position = log.read(0, p64(1))
    assert changed is None
    assert log.read(position, p64(1))[0] == {}


def test_a_commit_in_a_version_shows_only_in_that_version():
    log = InvalidationLog()
    log.append(p64(1), News(oids(10), {"a"}))
    assert log.read(0, p64(1), "a") == ({p64(10): p64(1)}, 1)
    assert log.read(0, p64(1), "b") == ({}, 1)
    assert log.read(0, p64(1)) == ({}, 1)
    assert log.fate(p64(10), 0, "a") is Fate.CHANGED
    assert log.fate(p64(10), 0) is Fate.UNTOUCHED


def test_a_commit_in_the_trunk_shows_in_every_version():
    log = InvalidationLog()
    log.append(p64(1), News(oids(10)))
    assert log.read(0, p64(1), "a")[0] == {p64(10): p64(1)}
    assert log.fate(p64(10), 0, "a") is Fate.CHANGED


def test_what_was_only_renewed_is_to_be_loaded_again_and_has_not_changed():
    log = InvalidationLog()
    log.append(p64(1), News(oids(10), {"a"}, renews=True))
    assert log.read(0, p64(1)) == ({p64(10): p64(1)}, 1)
    assert log.fate(p64(10), 0) is Fate.UNTOUCHED
    assert log.fate(p64(10), 0, "a") is Fate.CHANGED


def test_an_object_is_new_until_it_was_read_about_or_changed():
    log = InvalidationLog()
    log.append(p64(1), News(oids(10, 11), created=oids(10)))
    assert log.fate(p64(10), 0) is Fate.CREATED
    assert log.fate(p64(11), 0) is Fate.CHANGED
    log.append(p64(2), News(oids(10)))
    assert log.fate(p64(10), 0) is Fate.CHANGED
    _, position = log.read(0, p64(1))
    assert log.fate(p64(10), position) is Fate.CHANGED
    assert log.fate(p64(11), position) is Fate.UNTOUCHED


def test_an_object_may_have_changed_where_the_log_does_not_tell():
    log = InvalidationLog()
    log.max_oids = 4
    for tid in range(1, 10):
        log.append(p64(tid), News(oids(tid), created=oids(tid)))
    assert log.fate(p64(100), 0) is Fate.CHANGED
    assert log.fate(p64(9), 0) is Fate.CHANGED  # it may have been there before it was forgotten
    _, position = log.read(0, p64(9))
    log.append(z64, News(None, {"a"}))
    assert log.fate(p64(100), position) is Fate.UNTOUCHED
    assert log.fate(p64(100), position, "a") is Fate.CHANGED
