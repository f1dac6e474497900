"""What is in the file of an `SQLiteStorage`.

    head           one row: the tid of the last finished transaction, the greatest oid up to then
    transactions   a row for each: tid, status, user, description, extension
    revisions      a row for each record: oid, tid, data; data is nullable, as a record without data
                   (a deletion, an undone creation) is to be

A transaction with a later tid than `head` tells has voted, but was never finished: for all readers
it is not there. Oids and tids are blobs, so that they compare as the bytes that they are.

Each row ends in a digest of the others of its columns. The structure of the file is checked when it
is opened, the digests when a row is read, so that damage is noticed in either.
"""

import sqlite3
from hashlib import blake2b

from zodb_reference.oids import z64

#: Marks the file as ours, in the place that SQLite has for it: "ZODR".
APPLICATION_ID = 0x5A4F4452
#: Raised by whoever changes what is written above, together with a way to upgrade.
SCHEMA_VERSION = 1

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


def digest(*columns: bytes | str) -> bytes:
    """Return what is stored with `columns` to notice any change of them, be it of the type."""
    found = blake2b(digest_size=16)
    for column in columns:
        kind, data = (b"b", column) if isinstance(column, bytes) else (b"t", column.encode())
        found.update(kind + len(data).to_bytes(8))
        found.update(data)
    return found.digest()


def is_intact(*row: object) -> bool:
    """Tell whether the digest at the end of `row`, as it was read, is that of the other columns."""
    *columns, expected = row
    known = [column for column in columns if isinstance(column, bytes | str)]
    return len(known) == len(columns) and digest(*known) == expected


def make_tables(connection: sqlite3.Connection) -> None:
    """Turn the empty database at `connection` into an empty storage."""
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.executescript(TABLES)
    connection.execute("INSERT INTO head VALUES (?, ?, ?)", (z64, z64, digest(z64, z64)))


def definitions(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    """Return how everything in the database at `connection` is defined."""
    return connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
    ).fetchall()
