"""Blobs in the company of ZODB: either opens what the other wrote, over storages of both."""

import io

import pytest
import transaction
import ZODB.blob
import ZODB.POSException
from blob_contents import read, write
from ZODB.blob import is_blob_record
from ZODB.FileStorage import FileStorage
from ZODB.MappingStorage import MappingStorage
from zodb_reference import DB
from zodb_reference.blobs import Blob
from zodb_reference.errors import BlobError, Unsupported
from zodb_reference.storages import MemoryStorage, SQLiteStorage

BLOBS = {DB: Blob, ZODB.DB: ZODB.blob.Blob}


def file_storage(folder):
    return FileStorage(str(folder / "data.fs"), blob_dir=str(folder / "blobs"))


def own_storage(folder):
    return SQLiteStorage(folder / "data.sqlite", errors=ZODB.POSException)


def connect(database):
    return database.open(transaction_manager=transaction.TransactionManager())


@pytest.fixture(params=[file_storage, own_storage], ids=["file", "own"])
def storage_in(request):
    """Return what opens the storage in a folder, of both packages in turn."""
    return request.param


@pytest.mark.parametrize(
    ("first", "second"), [(DB, ZODB.DB), (ZODB.DB, DB)], ids=["own first", "own second"]
)
def test_either_opens_what_the_other_wrote(tmp_path, storage_in, first, second):
    for database, expected in ((first, b"one"), (second, b"onetwo"), (first, b"onetwotwo")):
        db = database(storage_in(tmp_path))
        connection = connect(db)
        blob = connection.root().get("blob")
        if blob is None:
            blob = connection.root()["blob"] = BLOBS[database](b"one")
        else:
            write(blob, b"two", "a")
        assert type(blob) is BLOBS[database]
        connection.transaction_manager.savepoint()
        connection.transaction_manager.commit()
        assert read(blob) == expected
        with blob.open("c") as file:
            assert file.read() == expected
        data = db.storage.load(blob._p_oid)[0]
        assert is_blob_record(data)
        connection.close()
        db.close()


@pytest.mark.parametrize("database", [DB, ZODB.DB])
def test_records_are_the_same_byte_for_byte(tmp_path, database):
    db = database(file_storage(tmp_path))
    connection = connect(db)
    connection.root()["blob"] = blob = BLOBS[database](b"one")
    connection.root()["class"] = type(blob)
    connection.transaction_manager.commit()
    records = [db.storage.load(oid)[0] for oid in (bytes(8), blob._p_oid)]
    db.close()
    assert b"|".join(records) == (
        b"\x80\x03cpersistent.mapping\nPersistentMapping\nq\x00.\x80\x03}q\x01X\x04\x00\x00\x00"
        b"dataq\x02}q\x03(X\x04\x00\x00\x00blobq\x04C\x08\x00\x00\x00\x00\x00\x00\x00\x01q\x05"
        b"cZODB.blob\nBlob\nq\x06\x86q\x07QX\x05\x00\x00\x00classq\x08h\x06us."
        b"|\x80\x03cZODB.blob\nBlob\nq\x00.\x80\x03N."
    )


@pytest.mark.parametrize("database", [DB, ZODB.DB])
def test_undo_and_pack_are_followed(tmp_path, storage_in, database):
    db = database(storage_in(tmp_path))
    connection = connect(db)
    manager = connection.transaction_manager
    blob = connection.root()["blob"] = BLOBS[database](b"one")
    manager.commit()
    write(blob, b"two")
    manager.commit()
    db.undo(db.undoLog(0, 1)[0]["id"], manager.get())
    manager.commit()
    assert read(blob) == b"one"
    db.pack()
    assert read(blob) == b"one"
    connection.close()
    db.close()


@pytest.mark.parametrize("source", [DB, ZODB.DB])
@pytest.mark.parametrize("target", [DB, ZODB.DB])
def test_an_export_of_either_is_imported_by_either(tmp_path, source, target):
    folders = [tmp_path / "source", tmp_path / "target"]
    for folder in folders:
        folder.mkdir()
    databases = [kind(file_storage(at)) for kind, at in zip((source, target), folders, strict=True)]
    exporting, importing = map(connect, databases)
    exporting.root()["blob"] = BLOBS[source](b"one")
    exporting.transaction_manager.commit()
    file = io.BytesIO()
    exporting.exportFile(bytes(8), file)
    file.seek(0)
    imported = importing.root()["copy"] = importing.importFile(file)
    importing.transaction_manager.commit()
    assert read(imported["blob"]) == b"one"
    for each in databases:
        each.close()


def test_a_storage_that_keeps_none_refuses_them():
    db = DB(MappingStorage())
    connection = connect(db)
    connection.root()["blob"] = Blob(b"one")
    with pytest.raises(Unsupported):
        connection.transaction_manager.commit()
    connection.transaction_manager.abort()
    db.close()


def test_a_file_storage_without_a_folder_refuses_them(tmp_path):
    db = DB(FileStorage(str(tmp_path / "data.fs")))
    connection = connect(db)
    connection.root()["blob"] = Blob(b"one")
    with pytest.raises(Unsupported):
        connection.transaction_manager.commit()
    connection.transaction_manager.abort()
    db.close()


def test_readers_over_a_storage_of_zodb_are_counted(tmp_path):
    db = DB(file_storage(tmp_path))
    connection = connect(db)
    blob = connection.root()["blob"] = Blob(b"one")
    connection.transaction_manager.commit()
    with blob.open() as file:
        with pytest.raises(BlobError):
            blob.open("w")
        assert file.read() == b"one"
    write(blob, b"two")
    connection.transaction_manager.abort()
    db.close()


@pytest.mark.parametrize(("database", "alien"), [(DB, ZODB.blob.Blob), (ZODB.DB, Blob)])
def test_nobody_loses_the_content_of_a_blob_of_the_other_package(database, alien):
    db = database(MemoryStorage(errors=ZODB.POSException))
    connection = connect(db)
    connection.root()["blob"] = blob = alien(b"one")
    with pytest.raises(TypeError, match="own package"):
        connection.transaction_manager.commit()
    connection.transaction_manager.abort()
    assert read(blob) == b"one"
    db.close()
