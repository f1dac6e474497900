"""Blobs of a connection: their contents belong to the transaction."""

import copy
import gc
import os
from pathlib import Path

import pytest
import transaction
from blob_contents import files, read, temporary, write
from zodb_reference.blobs import Blob
from zodb_reference.errors import (
    BlobError,
    ConflictError,
    ConnectionStateError,
)
from zodb_reference.interfaces import IBlob
from zope.interface.verify import verifyObject

# The object alone


def test_it_is_a_blob():
    blob = Blob()
    assert verifyObject(IBlob, blob)


def test_it_has_the_content_that_it_is_made_with():
    assert read(Blob(b"one")) == b"one"
    assert read(Blob()) == b""


def test_it_cannot_be_subclassed():
    class Other(Blob):
        pass

    with pytest.raises(TypeError):
        Other()


@pytest.mark.parametrize("mode", ["", "rb", "x", "r+b", None])
def test_other_modes_are_refused(mode):
    with pytest.raises(ValueError, match="is no mode"):
        Blob().open(mode)


def test_the_modes_do_what_those_of_files_do():
    blob = Blob(b"one")
    write(blob, b" two", "a")
    assert read(blob) == b"one two"
    write(blob, b"ONE", "r+")
    assert read(blob) == b"ONE two"
    write(blob, b"three", "w")
    assert read(blob) == b"three"


@pytest.mark.parametrize("mode", ["r", "w", "r+", "a"])
def test_while_it_is_open_for_writing_it_is_not_opened(mode):
    blob = Blob(b"one")
    with blob.open("a"), pytest.raises(BlobError):
        blob.open(mode)


@pytest.mark.parametrize("mode", ["w", "r+", "a"])
def test_while_it_is_open_for_reading_it_is_only_read(mode):
    blob = Blob(b"one")
    with blob.open() as first:
        with pytest.raises(BlobError):
            blob.open(mode)
        assert read(blob) == b"one"
        assert first.read() == b"one"


@pytest.mark.parametrize("mode", ["r", "w"])
def test_while_it_is_open_nothing_is_consumed(mode, tmp_path):
    blob, path = Blob(b"one"), tmp_path / "two"
    path.write_bytes(b"two")
    with blob.open(mode), pytest.raises(BlobError):
        blob.consumeFile(path)
    assert path.exists()


def test_a_file_that_nobody_holds_is_not_open():
    blob = Blob()
    file = blob.open("w")
    assert blob.opened()
    file.close()
    assert not blob.opened()


def test_a_consumed_file_is_the_content(tmp_path):
    blob, path = Blob(b"one"), tmp_path / "two"
    path.write_bytes(b"two")
    blob.consumeFile(str(path))
    assert read(blob) == b"two"
    assert not path.exists()


def test_where_nothing_can_be_consumed_the_content_stays(tmp_path):
    blob = Blob(b"one")
    with pytest.raises(OSError, match="no such file"):
        blob.consumeFile(tmp_path / "missing")
    assert read(blob) == b"one"


def test_the_file_goes_with_the_blob():
    blob = Blob(b"one")
    with blob.open() as file:
        path = Path(file.name)
    assert path.exists()
    del blob, file
    gc.collect()
    assert not path.exists()


def test_a_forked_process_leaves_the_file_alone():
    blob = Blob(b"one")
    child = os.fork()
    if not child:
        blob.drop_draft()
        os._exit(0)
    os.waitpid(child, 0)
    assert read(blob) == b"one"


def test_an_open_file_is_not_stored(connection, manager):
    with Blob(b"one").open() as file:
        connection.root()["file"] = file
        with pytest.raises(TypeError):
            manager.commit()
        manager.abort()


def test_a_copy_is_empty():
    assert read(copy.copy(Blob(b"one"))) == b""


# Commits


def test_what_is_committed_is_there_for_others(blob, other):
    assert read(other.root()["blob"]) == b"one"


def test_an_empty_blob_can_be_stored(connection, manager, other):
    connection.root()["blob"] = Blob()
    manager.commit()
    manager.begin()
    other.sync()
    assert read(other.root()["blob"]) == b""


def test_after_a_commit_it_is_a_ghost_with_the_new_serial(blob, connection, manager):
    assert blob._p_changed is None
    write(blob, b"two")
    manager.commit()
    assert blob._p_changed is None
    assert read(blob) == b"two"
    assert blob._p_serial == connection.db().lastTransaction()


def test_others_see_the_snapshot(blob, manager, other):
    seen = other.root()["blob"]
    assert read(seen) == b"one"
    write(blob, b"two")
    manager.commit()
    assert read(seen) == b"one"
    other.sync()
    assert read(seen) == b"two"


def test_a_connection_to_the_past_shows_the_content_of_then(blob, db, manager):
    then = db.lastTransaction()
    write(blob, b"two")
    manager.commit()
    past = db.open(transaction_manager=transaction.TransactionManager(), at=then)
    assert read(past.root()["blob"]) == b"one"


def test_an_abort_brings_the_committed_content_back(blob, db, manager):
    write(blob, b"two")
    assert read(blob) == b"two"
    manager.abort()
    assert read(blob) == b"one"
    assert temporary(db) == []


def test_an_abort_closes_what_was_written(blob, manager):
    file = blob.open("w")
    file.write(b"two")
    manager.abort()
    assert file.closed
    assert read(blob) == b"one"


def test_an_abort_leaves_readers_of_what_has_not_changed(blob, manager):
    with blob.open() as file:
        manager.abort()
        assert file.read() == b"one"


def test_an_aborted_new_blob_keeps_its_content(connection, manager):
    blob = connection.root()["blob"] = Blob(b"one")
    connection.add(blob)
    manager.abort()
    assert blob._p_jar is None
    assert read(blob) == b"one"


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("links", [False, True])
def test_a_new_blob_keeps_its_content_where_the_commit_fails(
    connection, manager, participate, saved, links, monkeypatch
):
    def fail(*_):
        raise OSError("no")

    if not links:
        monkeypatch.setattr(os, "link", fail)
    blob = connection.root()["blob"] = Blob(b"one")
    if saved:
        manager.savepoint()
    participate("~", tpc_vote=fail)
    with pytest.raises(OSError, match="no"):
        manager.commit()
    manager.abort()
    assert blob._p_jar is None
    assert read(blob) == b"one"
    write(blob, b" two", "a")
    connection.root()["blob"] = blob
    manager.commit()
    assert read(blob) == b"one two"


@pytest.mark.parametrize("mode", ["w", "r+", "a"])
def test_what_a_storage_has_got_is_not_changed_any_more(
    connection, manager, participate, monkeypatch, mode
):
    def fail(*_):
        raise OSError("no")

    monkeypatch.setattr(connection.db().storage._folder, "remove", lambda names: None)
    connection.root()["blob"] = blob = Blob(b"one")
    participate("~", tpc_vote=fail)
    with pytest.raises(OSError, match="no"):
        manager.commit()
    manager.abort()
    write(blob, b"two", mode)
    assert [path.read_bytes() for path in files(connection.db().storage)] == [b"one"]


def test_a_conflict_leaves_what_the_other_has_written(blob, db, manager, other):
    theirs = other.root()["blob"]
    write(theirs, b"theirs")
    write(blob, b"mine")
    other.transaction_manager.commit()
    with pytest.raises(ConflictError):
        manager.commit()
    manager.abort()
    assert read(blob) == b"theirs"
    assert temporary(db) == []


def test_a_flag_alone_changes_nothing(blob, manager):
    serial = blob._p_serial
    blob._p_changed = True
    manager.commit()
    assert read(blob) == b"one"
    assert blob._p_serial == serial


def test_a_flag_that_is_reset_keeps_the_content_from_being_stored(blob, manager, other):
    write(blob, b"two")
    blob._p_changed = False
    manager.commit()
    other.sync()
    assert read(other.root()["blob"]) == b"one"


@pytest.mark.parametrize("mode", ["r", "w", "r+", "a"])
@pytest.mark.parametrize("act", ["commit", "savepoint"])
def test_a_changed_blob_that_is_open_is_not_stored(blob, manager, mode, act):
    write(blob, b"two")
    with blob.open(mode):
        with pytest.raises(ValueError, match="is open"):
            getattr(manager, act)()
        manager.abort()
    assert read(blob) == b"one"


def test_an_unchanged_blob_that_is_open_disturbs_nobody(blob, connection, manager):
    with blob.open() as file:
        connection.root()["x"] = 1
        manager.commit()
        assert file.read() == b"one"


def test_an_open_blob_stays_loaded(blob, connection):
    with blob.open():
        connection.cacheMinimize()
        assert blob._p_changed is False
    connection.cacheMinimize()
    assert blob._p_changed is None


def test_undo_brings_the_content_back(blob, db, manager):
    write(blob, b"two")
    manager.commit()
    db.undo(db.undoLog()[0]["id"], manager.get())
    manager.commit()
    assert read(blob) == b"one"


def test_a_blob_takes_the_place_of_another(blob, connection, manager, other):
    new = Blob()
    connection.exchange(blob, new)
    manager.commit()
    other.sync()
    assert read(other.root()["blob"]) == b""


def test_a_closed_connection_opens_nothing(blob, connection, manager):
    read(blob)
    connection.close()
    for mode in ("r", "w", "a", "c"):
        with pytest.raises(ConnectionStateError):
            blob.open(mode)


def test_where_a_change_is_refused_the_content_stays(blob, connection):
    write(blob, b"two")
    connection.transaction_manager.get().join(Failing())
    with pytest.raises(OSError, match="no"):
        connection.transaction_manager.commit()
    with pytest.raises(transaction.interfaces.TransactionFailedError):
        blob.open("w")
    connection.transaction_manager.abort()
    assert read(blob) == b"one"


class Failing:
    """A participant that fails at once."""

    def sortKey(self):  # noqa: N802
        return ""

    def tpc_begin(self, transaction):
        raise OSError("no")

    def abort(self, transaction):
        pass

    tpc_abort = abort


# What was committed, alone


def test_the_committed_content_can_be_read_for_longer(blob, connection):
    with blob.open("c") as file, Path(blob.committed()).open("rb") as same:
        connection.close()
        assert file.read() == same.read() == b"one"


@pytest.mark.parametrize("state", ["new", "added", "saved", "changed", "change saved"])
def test_there_is_no_committed_content_beside_a_change(blob, connection, manager, state):
    if state in ("new", "added", "saved"):
        blob = Blob(b"new")
    if state in ("added", "saved"):
        connection.add(blob)
    if state in ("changed", "change saved"):
        write(blob, b"two")
    if "saved" in state:
        manager.savepoint()
    with pytest.raises(BlobError):
        blob.committed()
    with pytest.raises(BlobError):
        blob.open("c")
