"""What is in the file of an `SQLiteStorage`.

    head           one row: the tid of the last finished transaction, the greatest oid up to then
    transactions   a row for each: tid, status, user, description, extension
    revisions      a row for each record of the trunk: oid, tid, data

That is format 1. In format 2 the data of a revision may be null, where the object ceased to exist,
and there are besides

    overlays       a row for each record of a version: oid, tid, version, data, and data_txn or null
    shared         a row for each revision with the data of an earlier record: oid, tid, data_txn
    packed         the tid up to which the storage was packed, if it was: one row or none

and in format 3 also

    blobs          a row for each revision of a blob: oid, tid, the name of the file that has its
                   content, in the folder beside the storage's file

A file begins in format 1, and goes over to a later one (`extend`) when something is written that
the earlier can't tell. So programs that know no more than that go on to use the file as long as
they understand all of it, and refuse it from then on.

A transaction with a later tid than `head` tells has voted, but was never finished: for all readers
it is not there. Oids and tids are blobs, so that they compare as the bytes that they are.

Each row ends in a digest of the others of its columns, but for an id that only tells the order in
which rows were written. The structure of the file is checked when it is opened, the digests when a
row is read, so that damage is noticed in either.
"""

import sqlite3
from hashlib import blake2b

from zodb_reference.oids import z64

#: Marks the file as ours, in the place that SQLite has for it: "ZODR".
APPLICATION_ID = 0x5A4F4452
#: The formats above. Whoever changes what is written adds one, with a way to it from the others.
FORMATS = FIRST, EXTENDED, WITH_BLOBS = 1, 2, 3

PAGE_SIZE = 4096

TABLES = """
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

_EXTENSION = {
    "overlays": """(
    id INTEGER PRIMARY KEY,
    oid BLOB NOT NULL,
    tid BLOB NOT NULL REFERENCES transactions,
    version TEXT NOT NULL,
    data BLOB NOT NULL,
    data_txn BLOB,
    digest BLOB NOT NULL,
    UNIQUE (oid, tid)
)""",
    "shared": """(
    oid BLOB NOT NULL,
    tid BLOB NOT NULL,
    data_txn BLOB NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (oid, tid),
    FOREIGN KEY (oid, tid) REFERENCES revisions (oid, tid)
) WITHOUT ROWID""",
    "packed": "(tid BLOB NOT NULL, digest BLOB NOT NULL)",
}
_BLOBS = {
    "blobs": """(
    oid BLOB NOT NULL,
    tid BLOB NOT NULL,
    name TEXT NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (oid, tid),
    FOREIGN KEY (oid, tid) REFERENCES revisions (oid, tid)
) WITHOUT ROWID""",
}
#: What each format adds to the one before: tables, and the statements that go with them.
ADDITIONS = {
    EXTENDED: (_EXTENSION, ("CREATE INDEX overlays_by_tid ON overlays (tid)",)),
    WITH_BLOBS: (_BLOBS, ()),
}

#: Asks for the oids whose newest record is in a version, each with the version's name.
HELD = """
SELECT o.oid, o.version FROM head, overlays o
WHERE o.tid = (SELECT max(tid) FROM overlays WHERE oid = o.oid AND tid <= head.tid)
AND NOT EXISTS (SELECT * FROM revisions WHERE oid = o.oid AND tid > o.tid AND tid <= head.tid)
"""


def digest(*columns: bytes | str | None) -> bytes:
    """Return what is stored with `columns` to notice any change of them, be it of the type."""
    found = blake2b(digest_size=16)
    for column in columns:
        match column:
            case bytes():
                kind, data = b"b", column
            case str():
                kind, data = b"t", column.encode()
            case None:
                kind, data = b"n", b""
        found.update(kind + len(data).to_bytes(8))
        found.update(data)
    return found.digest()


def is_intact(*row: object) -> bool:
    """Tell whether the digest at the end of `row`, as it was read, is that of the other columns."""
    *columns, expected = row
    known = [column for column in columns if isinstance(column, bytes | str | None)]
    return len(known) == len(columns) and digest(*known) == expected


def make_tables(connection: sqlite3.Connection, file_format: int = FIRST) -> None:
    """Turn the empty database at `connection` into an empty storage."""
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {FIRST}")
    connection.executescript(TABLES)
    connection.execute("INSERT INTO head VALUES (?, ?, ?)", (z64, z64, digest(z64, z64)))
    pretend(connection)
    extend(connection, file_format)


def format_of(connection: sqlite3.Connection) -> int:
    """Return the format of the storage at `connection`, or of whatever there is."""
    ((found,),) = connection.execute("PRAGMA user_version").fetchall()
    return int(found)


def pretend(connection: sqlite3.Connection) -> None:
    """Let a file in an earlier format be read as if it were in the last, without changing it.

    The tables that it lacks are there, empty, as long as the connection lives.
    """
    found = format_of(connection)
    if found < max(FORMATS):
        connection.execute("PRAGMA temp_store = MEMORY")
    for each, (tables, _) in ADDITIONS.items():
        if found < each:
            for name, columns in tables.items():
                connection.execute(f"CREATE TEMP TABLE {name} {columns}")


def extend(connection: sqlite3.Connection, file_format: int) -> None:
    """Turn a storage in an earlier format, at a connection that pretends, into one in this.

    Nothing happens where it is one already, or in a later one. This is done in a transaction of
    SQLite's, with what needs the new format.
    """
    found = format_of(connection)
    for each, (tables, statements) in ADDITIONS.items():
        if found < each <= file_format:
            for name, columns in tables.items():
                connection.execute(f"DROP TABLE temp.{name}")
                connection.execute(f"CREATE TABLE {name} {columns}")
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {each}")


def definitions(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    """Return how everything in the database at `connection` is defined."""
    return connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
    ).fetchall()
