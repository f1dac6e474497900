import pytest
import transaction
from sample_objects import Item
from undoing import UNDOING, in_steps
from ZODB.FileStorage import FileStorage
from ZODB.MappingStorage import MappingStorage
from ZODB.tests.MVCCMappingStorage import MVCCMappingStorage
from zodb_reference import DB, errors
from zodb_reference.oids import p64, z64
from zodb_reference.storages import MemoryStorage, SQLiteStorage


@pytest.fixture(params=UNDOING)
def db(request, tmp_path):
    """A database over one of the storages that support undo."""
    database = DB(UNDOING[request.param](tmp_path))
    yield database
    database.close()


@pytest.fixture
def steps(db, connection, manager):
    """An object whose x was set to 0, 1 and 2, in a transaction each, described by the number."""
    return in_steps(connection, manager)


# What is told


def test_the_log_is_text_and_the_newest_comes_first(db, manager, steps):
    manager.get().note("größer")
    steps.x = 3
    manager.commit()
    log = db.undoLog(0, 2)
    assert [entry["description"] for entry in log] == ["größer", "2"]
    assert all(isinstance(entry["user_name"], str) for entry in log)
    assert log[0]["time"] >= log[1]["time"]
    assert db.undoLog(1, -1) == log[1:]
    assert len(db.undoLog()) == 5


def test_the_log_can_be_filtered_by_what_it_tells(db, manager, steps):
    chosen = db.undoLog(filter=lambda entry: entry["description"] in ("0", "1"))
    assert [entry["description"] for entry in chosen] == ["1", "0"]
    manager.get().note("größer")
    manager.get().setExtendedInfo("ticket", "größer")
    steps.x = 3
    manager.commit()
    for wanted in ({"description": "größer"}, {"ticket": "größer", "user_name": ""}):
        assert db.undoInfo(specification=wanted) == db.undoLog(0, 1)
    assert len(db.undoInfo(specification={"user_name": "", "description": "1"})) == 1
    assert [*db.undoInfo(specification={"description": "none"})] == []


def test_the_other_log_has_the_same_without_a_specification(db, steps):
    assert db.undoInfo(0, 2) == db.undoLog(0, 2)
    assert [each["description"] for each in db.undoInfo(0, 2)] == ["2", "1"]


def test_the_history_of_an_object_is_text_and_the_newest_comes_first(db, steps):
    entries = db.history(steps._p_oid, 10)
    assert [entry["description"] for entry in entries] == ["2", "1", "0"]
    assert entries[0]["tid"] == steps._p_serial
    assert all(isinstance(entry["user_name"], str) for entry in entries)
    assert len(db.history(steps._p_oid)) == 1
    with pytest.raises(errors.POSKeyError):
        db.history(p64(99))


@pytest.mark.parametrize("kind", [MemoryStorage, SQLiteStorage, FileStorage, MVCCMappingStorage])
def test_what_was_packed_away_is_told_from_what_was_not_there_yet(tmp_path, kind):
    is_file = kind in (SQLiteStorage, FileStorage)
    db = DB(kind(str(tmp_path / "test")) if is_file else kind())
    manager = transaction.TransactionManager()
    connection = db.open(manager)
    before = db.lastTransaction()
    connection.root.item = Item()
    manager.commit()
    old, oid = db.lastTransaction(), connection.root.item._p_oid
    connection.root.item.x = 1
    manager.commit()
    unborn, past = (db.open(transaction.TransactionManager(), at=tid) for tid in (before, old))
    with pytest.raises(errors.POSKeyError) as refusal:
        unborn.get(oid)
    assert not hasattr(refusal.value, "__notes__")
    db.pack()
    with pytest.raises(errors.POSKeyError) as refusal:
        past.get(oid)
    if kind is not MVCCMappingStorage:  # which does not tell that it was packed
        assert "packed to a later time" in refusal.value.__notes__[0]
    db.close()


# Storages that can't


@pytest.fixture
def simple():
    """A database over a storage without undo."""
    database = DB(MappingStorage())
    yield database
    database.close()


def test_a_storage_without_undo_says_so(simple):
    assert simple.supportsUndo() is False
    assert [*simple.undoLog()] == [*simple.undoInfo(0, 5)] == []
    for call in (lambda: simple.undo(b"x"), lambda: simple.undoMultiple([b"x", b"y"])):
        with pytest.raises(NotImplementedError, match="supports no undo"):
            call()
    transaction.commit()
    assert transaction.get()._resources == []


def test_a_storage_that_does_not_know_the_word_supports_no_undo(simple, monkeypatch):
    monkeypatch.delattr(MappingStorage, "supportsUndo", raising=False)
    assert simple.supportsUndo() is False


@pytest.mark.parametrize("size", [None, 1.5, "1"])
def test_the_size_of_a_history_is_a_whole_number(db, steps, size):
    with pytest.raises(TypeError, match="whole number"):
        db.history(z64, size)


def test_a_storage_that_keeps_no_history_and_cannot_pack_says_so(simple, monkeypatch):
    monkeypatch.delattr(MappingStorage, "history")
    monkeypatch.delattr(MappingStorage, "pack")
    for call in (lambda: simple.history(p64(0)), simple.pack):
        with pytest.raises(NotImplementedError, match="has no method"):
            call()


# Packing


@pytest.fixture
def packed(simple, monkeypatch):
    """The arguments with which the storage was packed."""
    calls = []
    monkeypatch.setattr(
        simple.storage, "pack", lambda t, referencesf: calls.append((t, referencesf))
    )
    return calls


def test_packing_is_done_as_of_now_or_some_days_before(simple, packed, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1e9)
    simple.pack()
    simple.pack(days=2)
    simple.pack(5e8, days=0.5)
    simple.pack(t=0)
    assert packed == [(t, simple.references) for t in (1e9, 1e9 - 2 * 86400, 5e8 - 43200, 0)]


def test_packing_keeps_what_can_be_reached(tmp_path):
    db = DB(FileStorage(str(tmp_path / "test.fs")))
    with db.transaction() as connection:
        connection.root.kept = Item()
        connection.root.lost = Item()
    with db.transaction() as connection:
        del connection.root.lost
    assert db.objectCount() == 3
    db.pack()
    assert db.objectCount() == 2
    with db.transaction() as connection:
        assert type(connection.root.kept) is Item
    db.close()
