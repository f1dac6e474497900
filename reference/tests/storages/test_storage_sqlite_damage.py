"""A damaged file: the damage is told, and whatever else is told is true."""

import random
import shutil
import sqlite3

import pytest
from persistent.timestamp import TimeStamp
from zodb_reference.errors import StorageError
from zodb_reference.oids import p64, z64
from zodb_reference.storages import SQLiteStorage
from zodb_reference.storages.sqlite_format import PAGE_SIZE

OIDS = [p64(number) for number in range(1, 30)]


@pytest.fixture(params=["first format", "second format"])
def path(tmp_path, open_sqlite, commit, begin, put, end, undo, request):
    """Return the path of a storage with several revisions, one large, and one that only voted.

    In the second format, it was packed, and there are undone and shared records, and versions that
    hold objects no more.
    """
    storage = open_sqlite(versions=True)
    for number in range(6):
        commit(
            storage,
            {oid: bytes([number]) * 50 for oid in OIDS[number * 4 : number * 4 + 9]},
            user="user",
            description="description",
            extension={"number": number},
        )
    commit(storage, {OIDS[0]: b"large" * 3000})
    if request.param == "second format":
        first = TimeStamp(next(storage.iterator()).tid).timeTime()
        storage.pack(first + 1e-6, lambda data: [], gc=False)
        for number in range(10, 20):
            put(storage, OIDS[number], b"held", "v")
        end(storage, ("v", "w"))
        end(storage, "w")
        commit(storage, {p64(99): b"undone"})
        undo(storage, 0, 13)
    meta = begin(storage)
    storage.store(OIDS[1], storage.getTid(OIDS[1]), b"never finished", "", meta)
    storage.tpc_vote(meta)
    storage.close()
    return tmp_path / "test.sqlite"


def questions(storage):
    """Yield functions that ask `storage` for everything that it knows."""
    tids = [transaction.tid for transaction in storage.iterator()]
    yield lambda: tids
    yield storage.lastTransaction
    yield lambda: len(storage)
    yield storage.versions
    yield lambda: storage.undoLog(0, 100)
    yield lambda: [
        (one.status, one.user, one.description, one.extension, list(one))
        for one in storage.iterator()
    ]
    for oid in OIDS:
        yield lambda oid=oid: storage.load(oid)
        yield lambda oid=oid: storage.getTid(oid)
        yield lambda oid=oid: storage.history(oid, 10)
        yield lambda oid=oid: storage.loadBefore(oid, z64)
        for tid in tids:
            yield lambda oid=oid, tid=tid: storage.loadBefore(oid, tid)
            yield lambda oid=oid, tid=tid: storage.loadSerial(oid, tid)


def answers(storage):
    """Return the answers to all questions, with `StorageError` for those that failed of that."""
    found = []
    for question in questions(storage):
        try:
            found.append(question())
        except StorageError:
            found.append(StorageError)
        except KeyError:
            found.append(KeyError)
    return found


def truth(path):
    storage = SQLiteStorage(path, read_only=True)
    try:
        return answers(storage)
    finally:
        storage.close()


def effect_of(path, true_answers):
    """Return how the damage at `path` shows: not at all, when it is opened, or when it is read.

    Fails if anything is told that isn't true.
    """
    try:
        storage = SQLiteStorage(path, read_only=True)
    except StorageError:
        return "open"
    try:
        found = answers(storage)
    except StorageError:
        return "read"
    finally:
        storage.close()
    assert len(found) == len(true_answers)
    wrong = [
        (one, true)
        for one, true in zip(found, true_answers, strict=True)
        if one not in (true, StorageError)
    ]
    assert wrong == []
    return "read" if StorageError in found else "none"


def flip_bit(content, random):
    content[random.randrange(len(content))] ^= 1 << random.randrange(8)


def zero_block(content, random):
    start = random.randrange(0, len(content), 512)
    content[start : start + 512] = bytes(512)


def swap_pages(content, random):
    one, other = (
        slice(page * PAGE_SIZE, (page + 1) * PAGE_SIZE)
        for page in random.sample(range(len(content) // PAGE_SIZE), 2)
    )
    content[one], content[other] = content[other], content[one]


@pytest.mark.parametrize("damage", [flip_bit, zero_block, swap_pages])
def test_damage_anywhere_is_told_and_never_served(path, damage):
    true_answers = truth(path)
    intact = path.read_bytes()
    dice = random.Random(20050616)
    effects = []
    for _ in range(150):
        content = bytearray(intact)
        damage(content, dice)
        path.write_bytes(content)
        effects.append(effect_of(path, true_answers))
    assert effects.count("open") > 10
    if damage is flip_bit:
        # Most of the file is data, of which only the digest knows what it has to be.
        assert effects.count("read") > 20


def test_a_truncated_file_is_refused(path):
    intact = path.read_bytes()
    for size in (1, 99, 100, 511, 1000, PAGE_SIZE, len(intact) - PAGE_SIZE, len(intact) - 1):
        path.write_bytes(intact[:size])
        for read_only in (True, False):
            with pytest.raises(StorageError, match="damaged"):
                SQLiteStorage(path, read_only=read_only)
        assert path.read_bytes() == intact[:size]


def test_a_damaged_file_is_not_changed_by_trying(path):
    content = bytearray(path.read_bytes())
    content[2 * PAGE_SIZE :] = bytes(len(content) - 2 * PAGE_SIZE)
    path.write_bytes(content)
    with pytest.raises(StorageError, match="restore it from a backup"):
        SQLiteStorage(path)
    assert path.read_bytes() == content
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE head SET oid = x'0000000000000000'", "last transaction"),
        ("DELETE FROM head", "last transaction"),
        ("INSERT INTO head SELECT * FROM head", "last transaction"),
        ("DELETE FROM transactions WHERE tid = (SELECT min(tid) FROM transactions)", "without"),
        ("CREATE TRIGGER t AFTER INSERT ON head BEGIN SELECT 1; END", "tables"),
        ("DROP INDEX revisions_by_tid", "tables"),
    ],
)
def test_what_only_looks_like_a_storage_is_refused(path, statement, message):
    other = sqlite3.connect(path)
    other.execute(statement)
    other.commit()
    other.close()
    with pytest.raises(StorageError, match=message):
        SQLiteStorage(path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE revisions SET data = x'00'",
        "UPDATE revisions SET data = 'text'",
        "UPDATE revisions SET data = CAST(data AS TEXT)",
        "UPDATE revisions SET data = 7",
        "UPDATE revisions SET data = NULL",
        "UPDATE revisions SET digest = x'00'",
    ],
)
def test_a_changed_record_is_not_served_and_the_rest_is(path, statement, open_sqlite):
    other = sqlite3.connect(path)
    other.execute(f"{statement} WHERE oid = ?", (OIDS[3],))
    other.commit()
    other.close()
    storage = open_sqlite(path)
    for call in (
        lambda: storage.load(OIDS[3]),
        lambda: storage.loadSerial(OIDS[3], storage.getTid(OIDS[3])),
        lambda: list(storage.iterator()),
    ):
        with pytest.raises(StorageError, match=r"damaged .*restore it from a backup"):
            call()
    assert storage.load(OIDS[5])[0] == b"\1" * 50


def test_damage_below_an_open_storage_is_told(path, open_sqlite):
    storage = open_sqlite(path)
    true_answers = answers(storage)
    storage._file.connection.execute("PRAGMA shrink_memory")
    with path.open("r+b") as file:
        file.seek(PAGE_SIZE)
        file.write(bytes(path.stat().st_size - PAGE_SIZE))
    found = answers_after_damage(storage)
    assert all(one in (true, StorageError) for one, true in zip(found, true_answers, strict=False))
    assert StorageError in found
    shutil.rmtree(path.parent)


def answers_after_damage(storage):
    try:
        return answers(storage)
    except StorageError:
        return [StorageError]
