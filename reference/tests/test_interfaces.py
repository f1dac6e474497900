import inspect

import pytest
import transaction
from persistent.interfaces import IPersistentDataManager
from transaction.interfaces import ISavepointDataManager, ISynchronizer
from ZODB.MappingStorage import MappingStorage
from zodb_reference import DB, interfaces
from zodb_reference.connection import Connection
from zodb_reference.interfaces import IConnection, IDatabase
from zope.interface import Interface, implementer
from zope.interface.exceptions import MultipleInvalid
from zope.interface.verify import verifyObject

EDITIONS = ["2005-06-10", "2005-06-16", "2005-06-17", "current"]
ALL = [
    each
    for each in vars(interfaces).values()
    if isinstance(each, type(Interface)) and each.__module__ == interfaces.__name__
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
    assert verifyObject(IConnection, connection)
    connection.close()
    assert verifyObject(IConnection, connection)


def test_a_connection_to_the_past_has_what_its_interface_asks_for():
    db = DB()
    for point in ({"at": db.lastTransaction()}, {"before": b"\0" * 8}):
        past = db.open(transaction.TransactionManager(), **point)
        assert verifyObject(IConnection, past)
        past.close()
        assert verifyObject(IConnection, past)
    db.close()


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
    "add_as", "adopt", "cache_generation", "call_on_close", "commit_class", "database", "enter",
    "group", "identity_class", "is_committing", "joined", "leave",
    "lost_changes", "new_objects", "objects", "open", "options", "reader", "reader_class",
    "release", "require_unchanged", "roll_back", "saving_class", "take_in", "view", "will_store",
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


def test_the_arguments_have_the_same_names_and_defaults(db):
    connection = db.open(transaction.TransactionManager())
    for made, interface in ((connection, IConnection), (db, IDatabase)):
        for name, description in interface.namesAndDescriptions(True):
            if name in interface.names() and hasattr(description, "getSignatureInfo"):
                function = getattr(made, name)
                if inspect.ismethod(function):
                    stated = description.getSignatureInfo()
                    taken = inspect.signature(function).parameters
                    assert [*stated["positional"]] == [
                        each for each, kind in taken.items() if kind.kind is not kind.VAR_POSITIONAL
                    ], name
                    assert stated["optional"] == {
                        each: parameter.default
                        for each, parameter in taken.items()
                        if parameter.default is not parameter.empty
                    }, name


def test_a_class_may_declare_that_it_is_a_connection():
    assert IConnection.implementedBy(Connection)
    assert IDatabase.implementedBy(DB)
