"""Blobs and savepoints: what a blob holds at a savepoint can be brought back, as any change can.

Nothing else is owed than for other objects; but a file is no record, and where both are kept apart,
a later savepoint may take the place of what an earlier one has kept.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example
from zodb_spec.editions import CURRENT, Edition


@example("blob.rollback", MUST, rules="SAVE-25", needs="blobs", since=Edition.C)
def rollback() -> None:
    """A rollback brings back what the blob held at the savepoint, where it was written to since.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> tm.commit()
    >>> write_to(blob, b"two")
    >>> savepoint = tm.savepoint()
    >>> write_to(blob, b" three", "a")
    >>> read_out(blob.open())
    b'two three'
    >>> savepoint.rollback()
    >>> read_out(blob.open())
    b'two'
    >>> tm.commit()
    >>> read_out(opened(db).root()["blob"].open())
    b'two'
    """


@example("blob.rollback-past-savepoints", MUST, rules="SAVE-26", needs="blobs", since=Edition.C)
def rollback_past_savepoints() -> None:
    """A rollback brings back what the blob held at the savepoint, whichever savepoints came later,
    and have kept something else.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> tm.commit()
    >>> write_to(blob, b"two")
    >>> savepoint = tm.savepoint()
    >>> write_to(blob, b"three")
    >>> later = tm.savepoint()
    >>> savepoint.rollback()
    >>> read_out(blob.open())
    b'two'
    >>> tm.commit()
    >>> read_out(opened(db).root()["blob"].open())
    b'two'
    """


@example("blob.rollback-of-new", MUST, rules="SAVE-26", needs="blobs", since=Edition.C)
def rollback_of_new() -> None:
    """A rollback brings back what a new blob held at the savepoint, though a later one has kept
    something else.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> savepoint = tm.savepoint()
    >>> write_to(blob, b"two")
    >>> later = tm.savepoint()
    >>> savepoint.rollback()
    >>> read_out(blob.open())
    b'one'
    >>> tm.commit()
    >>> read_out(opened(db).root()["blob"].open())
    b'one'
    """


@example("blob.rollback-to-committed", MUST, rules="SAVE-27", needs="blobs", since=Edition.C)
def rollback_to_committed() -> None:
    """Where a blob was first written to after the savepoint, a rollback brings back what was
    committed, though a later savepoint has kept something else. That is what `committed` and
    `open("c")` are about then.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> tm.commit()
    >>> connection.root()["a"] = 1
    >>> savepoint = tm.savepoint()
    >>> write_to(blob, b"two")
    >>> later = tm.savepoint()
    >>> savepoint.rollback()
    >>> read_out(blob.open())
    b'one'
    >>> read_out(blob.open("c"))
    b'one'
    >>> tm.commit()
    >>> read_out(opened(db).root()["blob"].open())
    b'one'
    """


@example("blob.rollback-again", MUST, rules="SAVE-25 SAVE-26", needs="blobs", since=Edition.C)
def rollback_again() -> None:
    """A savepoint can be gone back to more than once, from whatever was written meanwhile.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> tm.commit()
    >>> write_to(blob, b"two")
    >>> savepoint = tm.savepoint()
    >>> found = []
    >>> for value in b"three", b"four":
    ...     write_to(blob, value)
    ...     later = tm.savepoint()
    ...     savepoint.rollback()
    ...     found.append(read_out(blob.open()))
    >>> found
    [b'two', b'two']
    """


@example("blob.rollback-disowns", MUST, rules="SAVE-13", needs="blobs", since=CURRENT)
def rollback_disowns() -> None:
    """A rollback to before a blob was new leaves it unsaved. It can be stored again, with what it
    holds then.

    >>> connection.root()["a"] = 1
    >>> savepoint = tm.savepoint()
    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> later = tm.savepoint()
    >>> savepoint.rollback()
    >>> blob._p_jar is None, blob._p_oid is None
    (True, True)
    >>> write_to(blob, b"two")
    >>> connection.root()["blob"] = blob
    >>> tm.commit()
    >>> read_out(opened(db).root()["blob"].open())
    b'two'
    """


@example("blob.savepoint-hidden", MUST, rules="SAVE-25", needs="blobs", since=Edition.C)
def savepoint_hidden() -> None:
    """What a savepoint has kept of a blob is seen by nobody else, and two transactions that keep
    something of the same blob do not get in each other's way until they commit.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> tm.commit()
    >>> other, third = opened(db), opened(db)
    >>> theirs = other.root()["blob"]
    >>> write_to(blob, b"mine")
    >>> savepoint = tm.savepoint()
    >>> write_to(theirs, b"theirs")
    >>> another = other.transaction_manager.savepoint()
    >>> [read_out(each.open()) for each in (blob, theirs, third.root()["blob"])]
    [b'mine', b'theirs', b'one']
    """


@example("blob.savepoint-committed", MUST, rules="SAVE-12", needs="blobs", since=Edition.C)
def savepoint_committed() -> None:
    """A commit stores what the last savepoint has kept, also of a blob that is out of memory by
    then, and of one that was opened since and not changed.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> read = connection.root()["read"] = Blob(b"one")
    >>> tm.commit()
    >>> for each in blob, read:
    ...     write_to(each, b"two")
    >>> savepoint = tm.savepoint()
    >>> connection.cacheMinimize()
    >>> read_out(read.open())
    b'two'
    >>> tm.commit()
    >>> root = opened(db).root()
    >>> read_out(root["blob"].open()), read_out(root["read"].open()), read_out(blob.open())
    (b'two', b'two', b'two')
    """


@example("blob.savepoint-continued", MUST, rules="SAVE-12", needs="blobs", since=Edition.C)
def savepoint_continued() -> None:
    """What a savepoint has kept can be continued, and changed in place.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> savepoint = tm.savepoint()
    >>> write_to(blob, b" two", "a")
    >>> another = tm.savepoint()
    >>> write_to(blob, b"ONE", "r+")
    >>> tm.commit()
    >>> read_out(opened(db).root()["blob"].open())
    b'ONE two'
    """


@example("blob.savepoint-aborted", MUST, rules="SAVE-25", needs="blobs", since=Edition.C)
def savepoint_aborted() -> None:
    """An abort brings back what was committed, whatever savepoints have kept.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> tm.commit()
    >>> write_to(blob, b"two")
    >>> savepoint = tm.savepoint()
    >>> tm.abort()
    >>> read_out(blob.open()), read_out(blob.open("c"))
    (b'one', b'one')
    """


@example("blob.savepoint-keeps-new", SHOULD, rules="LIFE-13", needs="blobs", since=Edition.C)
def savepoint_keeps_new() -> None:
    """A new blob that is disowned, by an abort or by a rollback, keeps what it held at last, though
    a savepoint had taken that over.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> savepoint = tm.savepoint()
    >>> tm.abort()
    >>> read_out(blob.open())
    b'one'
    >>> connection.root()["a"] = 1
    >>> savepoint = tm.savepoint()
    >>> connection.root()["blob"] = blob
    >>> later = tm.savepoint()
    >>> savepoint.rollback()
    >>> read_out(blob.open())
    b'one'
    """


@example("blob.savepoint-is-no-content", MUST, rules="LIFE-13", needs="blobs", since=Edition.C)
def savepoint_is_no_content() -> None:
    """Where what a new blob held is lost with the savepoint that had taken it over, reading it
    fails: it must not read as empty, and be stored like that by the next try.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> savepoint = tm.savepoint()
    >>> tm.abort()
    >>> found = b"one"
    >>> with allowing("Exception"):
    ...     found = read_out(blob.open())
    >>> found
    b'one'
    """


@example("blob.leaves-no-files", MUST, rules="SAVE-25", needs="blobs raw-records", since=Edition.C)
def leaves_no_files() -> None:
    """What was written and not committed is in files of the storage's temporary folder. When the
    transaction has ended, by a commit or by an abort, none of them is left, whatever savepoints
    have kept: who works for long would fill the disk.

    >>> import os
    >>> def left():
    ...     places = os.walk(db.storage.temporaryDirectory())
    ...     return sorted(name for _, _, names in places for name in names)
    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> tm.commit()
    >>> before = left()
    >>> for end in tm.commit, tm.abort:
    ...     write_to(blob, b"two")
    ...     savepoint = tm.savepoint()
    ...     write_to(blob, b"three")
    ...     later = tm.savepoint()
    ...     savepoint.rollback()
    ...     write_to(blob, b"four")
    ...     end()
    >>> left() == before
    True
    """


@example(
    "blob.conflict-leaves-no-files",
    SHOULD,
    rules="SAVE-25",
    needs="blobs raw-records",
    since=Edition.C,
)
def conflict_leaves_no_files() -> None:
    """A transaction whose commit has failed with a conflict leaves no file behind: that happens
    often where many write to one blob.

    >>> import os
    >>> def left():
    ...     places = os.walk(db.storage.temporaryDirectory())
    ...     return sorted(name for _, _, names in places for name in names)
    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> tm.commit()
    >>> before = left()
    >>> other = opened(db)
    >>> write_to(other.root()["blob"], b"theirs")
    >>> write_to(blob, b"mine")
    >>> other.transaction_manager.commit()
    >>> with raises("ConflictError"):
    ...     tm.commit()
    >>> tm.abort()
    >>> left() == before
    True
    """
