import inspect

import pytest
import transaction
from persistent.interfaces import IPersistentDataManager
from transaction.interfaces import ISavepointDataManager, ISynchronizer
from ZODB.MappingStorage import MappingStorage
from zodb_reference import DB, interfaces, older_interfaces
from zodb_reference.connections import Connection
from zodb_reference.interfaces import IConnection, IDatabase
from zodb_reference.older_interfaces import IConnectionOf2005, IConnectionOf2006, IDatabaseOf2006
from zope.interface import Interface, implementer
from zope.interface.exceptions import MultipleInvalid
from zope.interface.verify import verifyObject

EDITIONS = ["2005-06-10", "2005-06-16", "2005-06-17", "current"]
ALL = [
    each
    for module in (interfaces, older_interfaces)
    for each in vars(module).values()
    if isinstance(each, type(Interface)) and each.__module__ == module.__name__
]


@pytest.fixture(params=EDITIONS)
def db(request):
    """A database of each edition without versions."""
    database = DB(MappingStorage(), edition=request.param)
    yield database
    database.close()


def test_a_database_has_what_its_interface_asks_for(db):
    assert verifyObject(IDatabase, db)
    db.close()
    assert verifyObject(IDatabase, db)


def test_a_connection_has_what_its_interface_asks_for(db, connection):
    owed = IConnection if db.edition == "current" else IConnectionOf2005
    assert verifyObject(owed, connection)
    connection.close()
    assert verifyObject(owed, connection)


def test_a_connection_to_the_past_has_what_its_interface_asks_for():
    db = DB()
    for point in ({"at": db.lastTransaction()}, {"before": b"\0" * 8}):
        past = db.open(transaction.TransactionManager(), **point)
        assert verifyObject(IConnection, past)
        past.close()
        assert verifyObject(IConnection, past)
    db.close()


def test_the_edition_with_versions_has_what_its_interfaces_ask_for():
    db = DB(edition="2006-08-16")
    for options in ({}, {"version": "v", "synch": False}):
        connection = db.open(transaction_manager=transaction.TransactionManager(), **options)
        assert verifyObject(IConnectionOf2006, connection)
        connection.close()
        assert verifyObject(IConnectionOf2006, connection)
    assert verifyObject(IDatabaseOf2006, db)
    assert not IDatabase.providedBy(db)
    db.close()
    assert verifyObject(IDatabaseOf2006, db)


@pytest.mark.parametrize(
    "interface", [IPersistentDataManager, ISavepointDataManager, ISynchronizer]
)
def test_a_connection_plays_the_parts_that_others_know_it_by(connection, interface):
    assert verifyObject(interface, connection)


def test_what_is_missing_is_named():
    @implementer(IConnection)
    class Half:
        def get(self, oid):
            return oid

        def add(self):
            pass

    with pytest.raises(MultipleInvalid) as caught:
        verifyObject(IConnection, Half())
    assert "cacheFullSweep" in str(caught.value)
    assert "add(obj)" in str(caught.value)
    assert "get(oid)" not in str(caught.value)


@pytest.mark.parametrize("interface", ALL, ids=lambda each: each.__name__)
def test_an_interface_says_what_each_name_is_for(interface):
    assert interface.__doc__
    for name, description in interface.namesAndDescriptions():
        assert description.__doc__, name


#: What this implementation has of its own.
INTERNAL_OF_CONNECTION = {
    "add_as", "adopt", "blob_path", "cache_generation", "call_on_close", "commit_class", "database",
    "do_with_cache", "enter", "group", "identity_class", "is_changed_elsewhere", "is_committing",
    "is_in_use", "is_used_elsewhere", "joined", "leave", "lost_changes", "new_objects", "objects",
    "open", "open_blob", "options", "reader", "reader_class", "release", "require_blobs",
    "require_unchanged", "roll_back", "saved_blob", "saving_class", "shut", "take_in",
    "temporary_directory", "view", "will_store",
}  # fmt: skip
INTERNAL_OF_DATABASE = {
    "connection_class", "edition", "forget", "give_back", "half_commits", "is_in_collection",
    "is_open", "large_record_size", "new_oid", "note_closing", "references", "require_open",
    "rules", "take_connection", "xrefs",
}  # fmt: skip


@pytest.mark.parametrize("is_connection", [True, False])
def test_the_interfaces_leave_out_nothing_that_is_meant_for_programs(is_connection):
    db = DB()
    made, interface, internal = (
        (db.open(), IConnection, INTERNAL_OF_CONNECTION)
        if is_connection
        else (db, IDatabase, INTERNAL_OF_DATABASE)
    )
    public = {name for name in dir(made) if not name.startswith("_")}
    assert public - {*interface.names(all=True)} == internal
    db.close()


@pytest.mark.parametrize("edition", ["current", "2006-08-16"])
def test_the_arguments_have_the_same_names_and_defaults(edition):
    db = DB(edition=edition)
    interfaces_of = {
        "current": (IConnection, IDatabase),
        "2006-08-16": (IConnectionOf2006, IDatabaseOf2006),
    }
    for made, interface in zip((db.open(), db), interfaces_of[edition], strict=True):
        for name, description in interface.namesAndDescriptions(True):
            function = getattr(made, name)
            if description.interface.__module__.startswith("zodb_") and inspect.ismethod(function):
                stated = description.getSignatureInfo()
                taken = inspect.signature(function).parameters.values()
                named = [each for each in taken if each.kind is not each.VAR_POSITIONAL]
                assert [*stated["positional"]] == [each.name for each in named], name
                assert stated["optional"] == {
                    each.name: each.default for each in named if each.default is not each.empty
                }, name
    db.close()


def test_a_class_may_declare_that_it_is_a_connection():
    assert IConnection.implementedBy(Connection)
    assert IDatabase.implementedBy(DB)
