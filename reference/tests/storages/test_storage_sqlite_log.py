"""The log that a crash leaves behind: damage is told, a torn end is not taken for it."""

import random
import shutil

import pytest
from zodb_reference.errors import StorageError
from zodb_reference.oids import p64
from zodb_reference.storages.sqlite_format import PAGE_SIZE

HEADER, FRAME = 32, 24 + PAGE_SIZE
OIDS = [p64(number) for number in range(1, 6)]


@pytest.fixture
def crash(tmp_path, open_sqlite, commit, begin):
    """Return what returns the path of a storage as a crash leaves it, its log, and its tids.

    The last transaction has voted, and is finished unless that is not wanted.
    """

    def crash_after(*, finished):
        storage = open_sqlite()
        tids = [
            commit(storage, {oid: bytes([number]) * 3000 for oid in OIDS}) for number in range(5)
        ]
        meta = begin(storage)
        for oid in OIDS:
            storage.store(oid, storage.getTid(oid), b"last" * 700, "", meta)
        storage.tpc_vote(meta)
        if finished:
            tids.append(storage.tpc_finish(meta))
        path, log = tmp_path / "crashed.sqlite", tmp_path / "crashed.sqlite-wal"
        shutil.copy(tmp_path / "test.sqlite", path)
        shutil.copy(tmp_path / "test.sqlite-wal", log)
        return path, log, tids

    return crash_after


def end_of_log(content):
    """Return where the frames end that belong to the present use of the log."""
    salts = content[16:24]
    end = HEADER
    while content[end + 8 : end + 16] == salts:
        end += FRAME
    return end


def tids_of(storage):
    tids = [transaction.tid for transaction in storage.iterator()]
    storage.close()
    return tids


def test_a_changed_bit_in_the_log_loses_no_transaction_without_a_word(crash, open_sqlite):
    path, log, tids = crash(finished=True)
    file, intact = path.read_bytes(), log.read_bytes()
    end = end_of_log(intact)
    dice = random.Random(20050616)
    places = [*range(HEADER), *(dice.randrange(end - FRAME) for _ in range(60))]
    told = 0
    for place in places:
        content = bytearray(intact)
        content[place] ^= 1 << dice.randrange(8)
        path.write_bytes(file)
        log.write_bytes(content)
        try:
            assert tids_of(open_sqlite(path)) == tids
        except StorageError:
            told += 1
            assert (path.read_bytes(), log.read_bytes()) == (file, bytes(content))
    assert told > 80


def test_a_torn_log_is_mended(crash, open_sqlite):
    """Whatever of the last transaction the disk did not take, as long as it was not finished."""
    path, log, tids = crash(finished=False)
    file, intact = path.read_bytes(), log.read_bytes()
    end = end_of_log(intact)
    for cut in range(end - 5 * FRAME, end, 1021):
        for content in (
            intact[:cut],
            intact[:cut] + bytes(len(intact) - cut),
            intact[:cut] + bytes(512) + intact[cut + 512 :],
        ):
            path.write_bytes(file)
            log.write_bytes(content)
            found = tids_of(open_sqlite(path))
            assert found == tids[: len(found)]
            assert len(found) >= len(tids) - 1


def test_what_a_longer_transaction_has_left_behind_is_no_damage(crash, open_sqlite, commit):
    path, log, tids = crash(finished=False)
    content = bytearray(log.read_bytes())
    content[end_of_log(content) - 1] ^= 1  # the vote of the last one did not reach the disk
    log.write_bytes(content)
    storage = open_sqlite(path)
    tids.append(commit(storage, {OIDS[0]: b"short"}))
    again = path.with_name("again.sqlite")
    shutil.copy(path, again)
    shutil.copy(log, again.with_name("again.sqlite-wal"))
    storage.close()
    assert tids_of(open_sqlite(again)) == tids


def test_what_an_earlier_use_has_left_in_the_log_is_no_damage(crash, tmp_path, open_sqlite, commit):
    path, log, tids = crash(finished=True)
    earlier = open_sqlite(tmp_path / "earlier.sqlite")
    for number in range(3):
        commit(earlier, {OIDS[0]: b"%d" % number})
    left = (tmp_path / "earlier.sqlite-wal").read_bytes()
    content = log.read_bytes()
    log.write_bytes(content[: end_of_log(content)] + left[HEADER : end_of_log(left)])
    assert tids_of(open_sqlite(path)) == tids
