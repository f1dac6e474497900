"""Blobs: persistent objects that hold a file, for what is too large to be loaded as a whole.

A blob is opened like a file. What a program writes belongs to its transaction, like a change of any
other object: others see it when it was committed, and nobody does when it was aborted. The class of
blobs is part of the implementation; here it is called `Blob`.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example
from zodb_spec.editions import Edition


@example("blob.begins-empty", MUST, rules="SAVE-30", needs="blobs", since=Edition.C)
def begins_empty() -> None:
    """A new blob holds nothing, or the bytes that it is made with. It can be read and written
    before it belongs to a connection.

    >>> read_out(Blob().open()), read_out(Blob(b"one").open())
    (b'', b'one')
    """


@example("blob.modes", MUST, rules="SAVE-30", error="ValueError", needs="blobs", since=Edition.C)
def modes() -> None:
    """`open` takes the modes that files have: `r` to read, which is the default, `w` to begin anew,
    `r+` to change and `a` to continue what there is; and `c`, for what was committed. The file is
    always a binary one. Any other mode is a `ValueError`.

    >>> blob = Blob(b"one two")
    >>> write_to(blob, b"ONE", "r+")
    >>> write_to(blob, b" three", "a")
    >>> read_out(blob.open("r"))
    b'ONE two three'
    >>> write_to(blob, b"four", "w")
    >>> read_out(blob.open())
    b'four'
    >>> for mode in "x", "rb", "wb", "":
    ...     with raises("ValueError"):
    ...         blob.open(mode)
    """


@example(
    "blob.readers-or-writer",
    MUST,
    rules="SAVE-30",
    error="BlobError",
    needs="blobs",
    since=Edition.C,
)
def readers_or_writer() -> None:
    """A blob is open either for any number of readers or for one writer: to open it otherwise
    raises `BlobError`. Nobody reads what is half written. When they are closed it can be opened
    again.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> tm.commit()
    >>> first, second = blob.open(), blob.open("r")
    >>> for mode in "w", "r+", "a":
    ...     with raises("BlobError"):
    ...         blob.open(mode)
    >>> first.close()
    >>> with raises("BlobError"):
    ...     blob.open("a")
    >>> read_out(second)
    b'one'
    >>> with blob.open("a") as writer:
    ...     for mode in "r", "w", "r+", "a":
    ...         with raises("BlobError"):
    ...             blob.open(mode)
    >>> read_out(blob.open())
    b'one'
    """


@example(
    "blob.takes-files", MUST, rules="SAVE-30", error="BlobError", needs="blobs", since=Edition.C
)
def takes_files() -> None:
    """`consumeFile(filename)` makes a file the content of the blob: it is moved, or copied and
    removed. It raises `BlobError` while the blob is open. Where it fails, the content stays what it
    was.

    >>> import os, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "given")
    >>> with open(path, "wb") as file:
    ...     written = file.write(b"two")
    >>> blob = Blob(b"one")
    >>> for mode in "r", "a":
    ...     with blob.open(mode), raises("BlobError"):
    ...         blob.consumeFile(path)
    >>> with raises("OSError"):
    ...     blob.consumeFile(path + "-missing")
    >>> read_out(blob.open())
    b'one'
    >>> blob.consumeFile(path)
    >>> read_out(blob.open()), os.path.exists(path)
    (b'two', False)
    >>> folder.cleanup()
    """


@example(
    "blob.no-subclasses", MUST, rules="SAVE-30", error="TypeError", needs="blobs", since=Edition.C
)
def no_subclasses() -> None:
    """Instances of subclasses of `Blob` are refused: what such a class adds to the state is not
    stored, since a blob has no state but its content.

    >>> class Film(Blob):
    ...     pass
    >>> with raises("TypeError"):
    ...     Film()
    """


@example("blob.committed-for-others", MUST, rules="SAVE-28", needs="blobs", since=Edition.C)
def committed_for_others() -> None:
    """What was written is there for other connections when it was committed, after their next
    boundary. Until then they go on to read what their snapshot shows.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> tm.commit()
    >>> other = opened(db)
    >>> theirs = other.root()["blob"]
    >>> write_to(blob, b"two")
    >>> read_out(theirs.open())
    b'one'
    >>> tm.commit()
    >>> read_out(theirs.open())
    b'one'
    >>> other.sync()
    >>> read_out(theirs.open())
    b'two'
    """


@example("blob.stored-unopened", MUST, rules="SAVE-28", needs="blobs", since=Edition.C)
def stored_unopened() -> None:
    """A blob that was never opened can be stored, and holds nothing.

    >>> blob = connection.root()["blob"] = Blob()
    >>> tm.commit()
    >>> read_out(opened(db).root()["blob"].open())
    b''
    """


@example("blob.ghost-after-commit", MUST, rules="LIFE-17", needs="blobs", since=Edition.C)
def ghost_after_commit() -> None:
    """When a blob was stored, by the commit it has become a ghost: the next access loads it as it
    was committed, with the tid as its serial. It must not go on to show a file that belongs to the
    storage now.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> tm.commit()
    >>> blob._p_changed is None
    True
    >>> write_to(blob, b" two", "a")
    >>> connection.root()["a"] = 1
    >>> tm.commit()
    >>> blob._p_changed is None
    True
    >>> read_out(blob.open()), tid_of(blob) == tid_of(connection.root())
    (b'one two', True)
    """


@example("blob.flag-alone", MUST, rules="SAVE-28", needs="blobs", since=Edition.C)
def flag_alone() -> None:
    """To set the changed flag of a blob changes nothing of what it holds.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> tm.commit()
    >>> blob._p_changed = True
    >>> tm.commit()
    >>> read_out(blob.open()), read_out(opened(db).root()["blob"].open())
    (b'one', b'one')
    """


@example("blob.abort", MUST, rules="SAVE-28", needs="blobs", since=Edition.C)
def abort() -> None:
    """An abort brings back what was committed.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> tm.commit()
    >>> write_to(blob, b"two")
    >>> read_out(blob.open())
    b'two'
    >>> tm.abort()
    >>> read_out(blob.open())
    b'one'
    """


@example("blob.abort-spares-readers", MUST, rules="SAVE-28", needs="blobs", since=Edition.C)
def abort_spares_readers() -> None:
    """A file that was opened for reading can be read after an abort, where the blob was not
    changed.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> tm.commit()
    >>> file = blob.open()
    >>> tm.abort()
    >>> read_out(file)
    b'one'
    """


@example("blob.abort-keeps-new", MUST, rules="LIFE-11", needs="blobs", since=Edition.C)
def abort_keeps_new() -> None:
    """An abort leaves a new blob unsaved, with what it holds, like any other new object. It can be
    stored by a later transaction.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> connection.add(blob)
    >>> tm.abort()
    >>> blob._p_jar is None, blob._p_oid is None, read_out(blob.open())
    (True, True, b'one')
    >>> connection.root()["blob"] = blob
    >>> tm.commit()
    >>> read_out(opened(db).root()["blob"].open())
    b'one'
    """


@example("blob.failed-commit-keeps-new", SHOULD, rules="LIFE-11", needs="blobs", since=Edition.C)
def failed_commit_keeps_new() -> None:
    """A new blob keeps what it holds where the commit has failed, also if it had been given to the
    storage already. The program can try again with the same object.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> tm.get().join(Participant(chr(0x10FFFF), [], tpc_vote=fail))
    >>> with raises("Failure"):
    ...     tm.commit()
    >>> tm.abort()
    >>> read_out(blob.open())
    b'one'
    >>> connection.root()["blob"] = blob
    >>> tm.commit()
    >>> read_out(opened(db).root()["blob"].open())
    b'one'
    """


@example("blob.failed-commit-is-no-content", MUST, rules="LIFE-11", needs="blobs", since=Edition.C)
def failed_commit_is_no_content() -> None:
    """Where what a new blob held is lost with a failed commit, reading it fails. It must not read
    as empty: a program that tries again would store that, and nobody would be told.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> tm.get().join(Participant(chr(0x10FFFF), [], tpc_vote=fail))
    >>> with raises("Failure"):
    ...     tm.commit()
    >>> tm.abort()
    >>> found = b"one"
    >>> with allowing("Exception"):
    ...     found = read_out(blob.open())
    >>> found
    b'one'
    """


@example(
    "blob.conflict", MUST, rules="ISO-8", error="ConflictError", needs="blobs", since=Edition.C
)
def conflict() -> None:
    """Of two transactions that write to one blob, the second one fails with a conflict; what the
    first has written stays.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> tm.commit()
    >>> other = opened(db)
    >>> write_to(other.root()["blob"], b" theirs", "a")
    >>> write_to(blob, b" mine", "a")
    >>> other.transaction_manager.commit()
    >>> with raises("ConflictError"):
    ...     tm.commit()
    >>> tm.abort()
    >>> read_out(blob.open())
    b'one theirs'
    """


@example(
    "blob.open-for-writing-refused",
    MUST,
    rules="SAVE-29",
    error="ValueError",
    needs="blobs",
    since=Edition.C,
)
def open_for_writing_refused() -> None:
    """A commit fails with `ValueError` while a blob is open for writing, and so does a savepoint:
    what is still to be written would belong to neither side. When the transaction has been aborted,
    what was committed is there.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> tm.commit()
    >>> for end in tm.commit, tm.savepoint:
    ...     file = blob.open("a")
    ...     written = file.write(b" two")
    ...     with raises("ValueError"):
    ...         end()
    ...     file.close()
    ...     tm.abort()
    >>> read_out(blob.open())
    b'one'
    """


@example("blob.open-is-no-hindrance", MUST, rules="SAVE-29", needs="blobs", since=Edition.C)
def open_is_no_hindrance() -> None:
    """A blob that is open for reading, and has not changed, keeps no other object from being
    stored, and can be read on.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> tm.commit()
    >>> file = blob.open()
    >>> connection.root()["a"] = 1
    >>> tm.commit()
    >>> read_out(file)
    b'one'
    """


@example("blob.open-stays-loaded", MUST, rules="SAVE-30", needs="blobs", since=Edition.C)
def open_stays_loaded() -> None:
    """As long as a blob is open it is not made a ghost to save memory: it would forget that it is
    open.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> tm.commit()
    >>> with blob.open():
    ...     connection.cacheMinimize()
    ...     with raises("BlobError"):
    ...         blob.open("w")
    """


@example(
    "blob.committed-refused",
    MUST,
    rules="SAVE-28",
    error="BlobError",
    needs="blobs",
    since=Edition.C,
)
def committed_refused() -> None:
    """`committed()` and `open("c")` are about what was committed. They raise `BlobError` for a blob
    that is new, or was written to since, whether or not a savepoint has kept that.

    >>> old = connection.root()["old"] = Blob(b"one")
    >>> tm.commit()
    >>> write_to(old, b"two")
    >>> new = Blob(b"new")
    >>> for step in "new", "added", "saved":
    ...     if step == "added":
    ...         connection.root()["new"] = new
    ...         connection.add(new)
    ...     elif step == "saved":
    ...         savepoint = tm.savepoint()
    ...     for blob in old, new:
    ...         with raises("BlobError"):
    ...             blob.committed()
    ...         with raises("BlobError"):
    ...             blob.open("c")
    >>> tm.commit()
    >>> read_out(old.open("c")), read_out(new.open("c"))
    (b'two', b'new')
    """


@example("blob.committed-file", MUST, rules="SAVE-28", needs="blobs", since=Edition.C)
def committed_file() -> None:
    """`committed()` gives the name of a file with what was committed, and `open("c")` an ordinary
    file of it, open for reading. Neither binds the blob: it can be written meanwhile, and the file
    be read when the connection is closed.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> tm.commit()
    >>> name, file = blob.committed(), blob.open("c")
    >>> write_to(blob, b"two")
    >>> tm.abort()
    >>> connection.close()
    >>> read_out(file), read_out(open(name, "rb"))
    (b'one', b'one')
    """


@example(
    "blob.unsupported", MUST, rules="SAVE-31", error="Unsupported", without="blobs", since=Edition.C
)
def unsupported() -> None:
    """A storage that keeps no blobs is given none: a commit that would store one fails with
    `Unsupported`, and stores nothing.

    >>> connection.root()["blob"] = Blob(b"one")
    >>> with raises("Unsupported"):
    ...     tm.commit()
    >>> tm.abort()
    >>> "blob" in opened(db).root()
    False
    """


@example(
    "blob.unsupported-in-savepoint",
    MUST,
    rules="SAVE-31",
    error="Unsupported",
    without="blobs",
    since=Edition.C,
)
def unsupported_in_savepoint() -> None:
    """A savepoint is no way to store a blob where the storage keeps none: it fails with
    `Unsupported`, or else the commit does.

    >>> connection.root()["blob"] = Blob(b"one")
    >>> with raises("Unsupported"):
    ...     savepoint = tm.savepoint()
    ...     tm.commit()
    >>> tm.abort()
    >>> "blob" in opened(db).root()
    False
    """


@example("blob.undone", MUST, rules="STOR-62", needs="blobs undo", since=Edition.C)
def undone() -> None:
    """Where a change of a blob is undone, it holds what it held before.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> tm.commit()
    >>> write_to(blob, b"two")
    >>> tm.commit()
    >>> read_out(blob.open())
    b'two'
    >>> db.undo(db.undoLog(0, 1)[0]["id"], tm.get())
    >>> tm.commit()
    >>> read_out(blob.open())
    b'one'
    """


@example("blob.historical", MUST, rules="STOR-62", needs="blobs historical", since=Edition.C)
def historical() -> None:
    """A connection that shows a moment of the past shows what the blob held then.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> tm.commit()
    >>> then = tid_of(blob)
    >>> write_to(blob, b"two")
    >>> tm.commit()
    >>> read_out(opened(db, at=then).root()["blob"].open())
    b'one'
    """


@example("blob.record", MUST, rules="SER-4", needs="blobs raw-records", since=Edition.C)
def record() -> None:
    """The data record of a blob describes the class `Blob` of the module `ZODB.blob`, whatever the
    class is called in the implementation, and has None for a state. So one implementation can read
    what another has written.

    >>> blob = connection.root()["blob"] = Blob(b"one")
    >>> tm.commit()
    >>> names = []
    >>> class Reader(pickle.Unpickler):
    ...     def find_class(self, module, name):
    ...         names.append((module, name))
    ...         return object
    >>> import io
    >>> data, tid = newest(db.storage).load(blob._p_oid)
    >>> reader = Reader(io.BytesIO(data))
    >>> description, state = reader.load(), reader.load()
    >>> names, state is None
    ([('ZODB.blob', 'Blob')], True)
    """
