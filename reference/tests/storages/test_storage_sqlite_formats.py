"""The formats of an SQLiteStorage: which is written when, and who understands it."""

import sqlite3
from contextlib import closing
from hashlib import blake2b

import pytest
from zodb_reference.errors import POSKeyError, StorageError, UndoError
from zodb_reference.oids import maxtid, p64, z64
from zodb_reference.storages import sqlite_format

A, B = p64(1), p64(2)


def digest(*columns):
    """Compute what the first release wrote at the end of a row, from its description."""
    found = blake2b(digest_size=16)
    for column in columns:
        kind, data = (b"b", column) if isinstance(column, bytes) else (b"t", column.encode())
        found.update(kind + len(data).to_bytes(8, "big") + data)
    return found.digest()


#: Exactly as the first release made them.
FIRST_TABLES = """
CREATE TABLE head (tid BLOB NOT NULL, oid BLOB NOT NULL, digest BLOB NOT NULL);
CREATE TABLE transactions (
    tid BLOB NOT NULL PRIMARY KEY,
    status TEXT NOT NULL,
    user BLOB NOT NULL,
    description BLOB NOT NULL,
    extension BLOB NOT NULL,
    digest BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE revisions (
    id INTEGER PRIMARY KEY,
    oid BLOB NOT NULL,
    tid BLOB NOT NULL REFERENCES transactions,
    data BLOB,
    digest BLOB NOT NULL,
    UNIQUE (oid, tid)
);
CREATE INDEX revisions_by_tid ON revisions (tid);
"""
TIDS = [p64(1 << 40), p64(2 << 40)]


@pytest.fixture
def first_release(tmp_path):
    """Return the path of a file with two transactions, as the first release wrote it."""
    path = tmp_path / "test.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA page_size = 4096")
        connection.execute("PRAGMA application_id = 0x5A4F4452")
        connection.execute("PRAGMA user_version = 1")
        connection.executescript(FIRST_TABLES)
        head = TIDS[1], A
        connection.execute("INSERT INTO head VALUES (?, ?, ?)", (*head, digest(*head)))
        for number, tid in enumerate(TIDS):
            notes = tid, " ", b"user", b"description", b""
            connection.execute(
                "INSERT INTO transactions VALUES (?, ?, ?, ?, ?, ?)", (*notes, digest(*notes))
            )
            record = A, tid, b"data %d" % number
            connection.execute(
                "INSERT INTO revisions (oid, tid, data, digest) VALUES (?, ?, ?, ?)",
                (*record, digest(*record)),
            )
        connection.commit()
    return path


def format_of(path):
    with closing(sqlite3.connect(path)) as connection:
        ((found,),) = connection.execute("PRAGMA user_version").fetchall()
        return found


@pytest.fixture
def only_first_format(monkeypatch):
    """Return what makes this program know no more than the first release did."""
    return lambda: monkeypatch.setattr(sqlite_format, "FORMATS", (1,))


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("versions", [False, True])
def test_a_file_of_the_first_release_opens_as_before(
    first_release, open_sqlite, read_only, versions
):
    before = first_release.read_bytes()
    storage = open_sqlite(read_only=read_only, versions=versions)
    assert storage.load(A) == (b"data 1", TIDS[1])
    assert storage.loadBefore(A, TIDS[1]) == (b"data 0", *TIDS)
    assert [one.tid for one in storage.iterator()] == TIDS
    assert [entry["description"] for entry in storage.undoLog()] == [b"description"] * 2
    assert (len(storage), storage.versions()) == (1, [])
    storage.close()
    if read_only:
        assert first_release.read_bytes() == before
    assert format_of(first_release) == 1


def test_ordinary_commits_are_understood_by_the_first_release(
    first_release, open_sqlite, commit, only_first_format
):
    storage = open_sqlite(versions=True)
    commit(storage, {A: b"data 2", B: b""})
    storage.close()
    only_first_format()
    assert open_sqlite().load(A)[0] == b"data 2"


def undo_something(storage, meta):
    storage.undo(storage.undoLog()[0]["id"], meta)


def store_in_a_version(storage, meta):
    storage.store(A, storage.getTid(A), b"in v", "v", meta)


@pytest.mark.parametrize("write", [undo_something, store_in_a_version])
def test_what_the_first_release_can_not_tell_is_refused_by_it(
    first_release, open_sqlite, begin, only_first_format, write
):
    storage = open_sqlite(versions=True)
    meta = begin(storage)
    write(storage, meta)
    storage.tpc_vote(meta)
    tid = storage.tpc_finish(meta)
    data = [storage.load(A, version) for version in ("", "v")]
    assert storage.loadBefore(A, TIDS[1]) == (b"data 0", *TIDS)
    storage.close()
    assert format_of(first_release) == 2
    storage = open_sqlite(versions=True)
    assert [storage.load(A, version) for version in ("", "v")] == data
    assert storage.lastTransaction() == tid
    storage.close()
    only_first_format()
    with pytest.raises(StorageError, match="has the format 2, and here the formats 1 are known"):
        open_sqlite(versions=True)


def test_a_file_in_which_versions_hold_objects_is_refused_without_versions(
    open_sqlite, begin, tmp_path
):
    storage = open_sqlite(versions=True)
    for oid, version in ((A, "näme"), (B, "w")):
        meta = begin(storage)
        storage.store(oid, z64, b"1", version, meta)
        storage.tpc_vote(meta)
        storage.tpc_finish(meta)
    storage.close()
    before = (tmp_path / "test.sqlite").read_bytes()
    for options in ({}, {"read_only": True}):
        with pytest.raises(StorageError, match=r"\('näme', 'w'\): open it with versions=True"):
            open_sqlite(**options)
    assert (tmp_path / "test.sqlite").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["test.sqlite"]

    storage = open_sqlite(versions=True)
    meta = begin(storage)
    storage.abortVersion("näme", meta)
    storage.commitVersion("w", "", meta)
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
    storage.close()
    storage = open_sqlite()
    assert storage.load(B)[0] == b"1"
    with pytest.raises(POSKeyError):
        storage.loadBefore(A, maxtid)
    assert [len(storage.history(oid, 9)) for oid in (A, B)] == [1, 1]


def test_without_versions_nothing_is_undone_that_would_bring_one_back(open_sqlite, begin):
    storage = open_sqlite(versions=True)
    for end in (False, True):
        meta = begin(storage)
        if end:
            storage.commitVersion("v", "", meta)
        else:
            storage.store(A, z64, b"1", "v", meta)
        storage.tpc_vote(meta)
        storage.tpc_finish(meta)
    storage.close()
    storage = open_sqlite()
    with pytest.raises(UndoError, match="version 'v' held it: open with versions"):
        storage.undo(storage.undoLog()[0]["id"], begin(storage))


def test_going_over_to_the_second_format_is_taken_back_with_what_needed_it(
    first_release, open_sqlite, begin, commit
):
    storage = open_sqlite()
    ((pages,),) = storage._file.rows("PRAGMA page_count")
    storage._file.rows(f"PRAGMA max_page_count = {pages + 2}")
    for _ in range(2):
        meta = begin(storage)
        storage.undo(storage.undoLog()[0]["id"], meta)
        storage.store(B, z64, bytes(100_000), "", meta)
        with pytest.raises(StorageError, match="free some space"):
            storage.tpc_vote(meta)
        storage.tpc_abort(meta)
    commit(storage, {A: b"data 2"})
    storage.close()
    assert format_of(first_release) == 1
    storage = open_sqlite()
    meta = begin(storage)
    storage.undo(storage.undoLog()[0]["id"], meta)
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
    assert storage.load(A)[0] == b"data 1"
    storage.close()
    assert format_of(first_release) == 2
