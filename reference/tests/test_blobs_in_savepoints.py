"""Blobs that savepoints keep, that no storage keeps, and that are exported; their records."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
import transaction
from blob_contents import read, temporary, write
from persistent.mapping import PersistentMapping
from zodb_reference import blobfiles
from zodb_reference.blobs import Blob
from zodb_reference.errors import (
    ExportError,
    Unsupported,
)
from zodb_reference.interfaces import IBlobStorage
from zodb_reference.oids import z64
from zope.interface import noLongerProvides

# Savepoints


def test_a_rollback_brings_the_content_of_the_savepoint_back(blob, manager):
    write(blob, b"two")
    savepoint = manager.savepoint()
    write(blob, b"three")
    savepoint.rollback()
    assert read(blob) == b"two"


@pytest.mark.parametrize("again", [1, 2])
def test_later_savepoints_do_not_matter(blob, db, manager, again):
    contents = [b"%d" % number for number in range(4)]
    savepoints = []
    for content in contents:
        write(blob, content)
        savepoints.append(manager.savepoint())
    assert len(temporary(db)) == 4
    for savepoint, content in reversed([*zip(savepoints, contents, strict=True)]):
        for _ in range(again):
            savepoint.rollback()
            assert read(blob) == content
            assert len(temporary(db)) == int(content) + 1
    manager.commit()
    assert read(blob) == b"0"
    assert temporary(db) == []


def test_what_was_saved_later_is_not_there_before(blob, manager):
    savepoint = manager.savepoint()
    write(blob, b"two")
    manager.savepoint()
    savepoint.rollback()
    assert read(blob) == b"one"
    with blob.open("c") as file:
        assert file.read() == b"one"


def test_what_was_saved_is_changed_further(blob, manager):
    write(blob, b"two")
    manager.savepoint()
    write(blob, b" three", "a")
    assert read(blob) == b"two three"
    manager.commit()
    assert read(blob) == b"two three"


def test_what_was_saved_is_loaded_again(blob, connection, manager):
    write(blob, b"two")
    manager.savepoint()
    connection.cacheMinimize()
    assert blob._p_changed is None
    assert read(blob) == b"two"


def test_an_abort_forgets_what_was_saved(blob, db, manager):
    write(blob, b"two")
    manager.savepoint()
    manager.abort()
    assert read(blob) == b"one"
    assert temporary(db) == []


@pytest.mark.parametrize("ghost", [False, True])
def test_a_new_blob_keeps_what_was_saved_last(connection, manager, ghost):
    blob = connection.root()["blob"] = Blob(b"one")
    manager.savepoint()
    write(blob, b" two", "a")
    manager.savepoint()
    if ghost:
        connection.cacheMinimize()
        assert blob._p_changed is None
    manager.abort()
    assert blob._p_jar is None
    assert read(blob) == b"one two"


def test_a_rollback_to_before_leaves_a_new_blob_with_its_content(connection, manager):
    connection.root()["x"] = 1
    savepoint = manager.savepoint()
    blob = connection.root()["blob"] = Blob(b"one")
    manager.savepoint()
    savepoint.rollback()
    assert blob._p_jar is None
    assert read(blob) == b"one"


def test_others_see_nothing_of_what_was_saved(blob, manager, other):
    write(blob, b"two")
    manager.savepoint()
    other.sync()
    assert read(other.root()["blob"]) == b"one"


def test_a_savepoint_that_fails_leaves_no_files(blob, db, manager, monkeypatch):
    def fail(*_):
        raise OSError("no")

    write(blob, b"two")
    monkeypatch.setattr("zodb_reference.scratch._write", fail)
    with pytest.raises(OSError, match="no"):
        manager.savepoint()
    manager.abort()
    assert temporary(db) == []


# Storages without blobs


@pytest.fixture
def without(db):
    """A connection to a storage that keeps no blobs."""
    noLongerProvides(db.storage, IBlobStorage)
    return db.open(transaction_manager=transaction.TransactionManager())


@pytest.mark.parametrize("act", ["commit", "savepoint"])
def test_a_storage_without_blobs_refuses_them(without, act):
    without.root()["blob"] = blob = Blob(b"one")
    with pytest.raises(Unsupported):
        getattr(without.transaction_manager, act)()
    without.transaction_manager.abort()
    assert "blob" not in without.root()
    assert read(blob) == b"one"


def test_where_there_are_no_blobs_they_can_be_written_all_the_same(without):
    blob = Blob()
    without.add(blob)
    write(blob, b"one")
    assert read(blob) == b"one"


# Exchange of files


@pytest.mark.parametrize("saved", [False, True])
def test_an_export_has_the_contents(blob, connection, manager, saved):
    connection.root()["box"] = PersistentMapping({"blob": blob, "empty": Blob()})
    write(blob, b"two" * 1000000)
    manager.savepoint() if saved else manager.commit()
    file = connection.exportFile(connection.root()["box"]._p_oid)
    manager.abort() if saved else None
    file.seek(0)
    box = connection.importFile(file)
    assert read(box["blob"]) == b"two" * 1000000
    assert read(box["empty"]) == b""
    connection.root()["copy"] = box
    manager.commit()
    assert read(box["blob"]) == b"two" * 1000000
    file.close()


@pytest.mark.parametrize("cut", [1, 17, 18, 20, 28, 37])
def test_a_truncated_export_leaves_nothing(blob, connection, db, cut):
    file = io.BytesIO()
    connection.exportFile(blob._p_oid, file)
    with pytest.raises(ExportError):
        connection.importFile(io.BytesIO(file.getvalue()[:-cut]))
    assert temporary(db) == []


def test_an_export_without_the_content_is_refused(blob, connection, db):
    file = io.BytesIO()
    connection.exportFile(blob._p_oid, file)
    damaged = file.getvalue().replace(b"BLOBSTART", b"BLOBSTOPS")
    with pytest.raises(ExportError):
        connection.importFile(io.BytesIO(damaged))
    assert temporary(db) == []


# Records


def test_its_record_names_the_class_that_everybody_knows(blob, db):
    assert db.storage.load(blob._p_oid)[0] == b"\x80\x03cZODB.blob\nBlob\nq\x00.\x80\x03N."
    assert b"cZODB.blob\nBlob\n" in db.storage.load(z64)[0]


def test_no_other_package_is_needed(tmp_path):
    """Whoever has no ZODB reads and writes blobs all the same."""
    script = (
        "import sys, transaction\n"
        "sys.modules['ZODB'] = None\n"
        "from zodb_reference import DB\n"
        "from zodb_reference.blobs import Blob\n"
        "for number in range(2):\n"
        "    db = DB(sys.argv[1])\n"
        "    connection = db.open()\n"
        "    root = connection.root()\n"
        "    blob = root.setdefault('blob', Blob())\n"
        "    root['class'] = Blob\n"
        "    with blob.open('a') as file:\n"
        "        assert file.write(b'x') == 1\n"
        "    transaction.commit()\n"
        "    assert root['class'] is Blob\n"
        "    with blob.open() as file:\n"
        "        assert file.read() == b'x' * (number + 1)\n"
        "    connection.close()\n"
        "    db.close()\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(blobfiles.__file__).parent.parent)}
    arguments = [sys.executable, "-c", script, tmp_path / "data.sqlite"]
    subprocess.run(arguments, check=True, env=environment, timeout=60)
