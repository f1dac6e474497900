"""Objects that are written to a file, and made again from it."""

import io
import struct
import sys
from contextlib import closing, suppress
from itertools import count
from types import ModuleType

import pytest
import transaction
from interrupting import Interrupt
from persistent.wref import WeakRef
from sample_objects import Hooked, Item, Named, is_unsaved, new
from transaction.interfaces import TransactionFailedError
from zodb_reference import DB, errors
from zodb_reference.oids import p64

END = b"\xff" * 16


@pytest.fixture
def chain(connection, manager):
    """Three objects, each with `next`, of which the last leads to the first."""
    first = connection.root.chain = new(1, next=new(2, next=new(3)))
    first.next.next.next = first
    manager.commit()
    return first


@pytest.fixture
def file(connection, chain):
    """An export of `chain`."""
    return rewound(connection.exportFile(chain._p_oid, io.BytesIO()))


def rewound(file):
    file.seek(0)
    return file


def oids_in(data):
    """The oids of an export, in their order."""
    found, position = [], 4
    while data[position : position + 16] != END:
        found.append(data[position : position + 8])
        position += 16 + struct.unpack(">Q", data[position + 8 : position + 16])[0]
    return found


class Last:
    """A participant without savepoints, which votes after all others, and does something then."""

    def __init__(self, manager, work=lambda: None):
        self.transaction_manager = manager
        self.work = work

    abort = tpc_begin = commit = tpc_finish = tpc_abort = lambda self, txn: None

    def tpc_vote(self, txn):
        self.work()

    def sortKey(self):  # noqa: N802
        return "~"


class Size:
    """A value whose class wants keywords."""

    def __new__(cls, *, width):
        made = super().__new__(cls)
        made.width = width
        return made

    def __getnewargs_ex__(self):
        return (), {"width": self.width}


class Fickle(Item):
    """Its class can be made to make no more instances."""

    refuses = False

    def __new__(cls):
        if cls.refuses:
            raise RuntimeError
        return super().__new__(cls)


class ByteByByte(io.BytesIO):
    """Gives less than was asked for, as a pipe does."""

    def read(self, size=-1):
        return super().read(min(size, 1))


# Exporting


def test_an_export_has_what_is_reached_breadth_first_each_once(connection, manager):
    leaf = new(4)
    top = connection.root.top = new(0, left=new(1, down=leaf), right=new(2, down=leaf))
    leaf.up = top
    manager.commit()
    data = connection.exportFile(top._p_oid, io.BytesIO()).getvalue()
    assert data.startswith(b"ZEXP")
    assert data.endswith(END)
    assert oids_in(data) == [each._p_oid for each in (top, top.left, top.right, leaf)]


def test_an_export_has_what_savepoints_have_kept_and_no_later_change(connection, manager, item):
    item.x = 2
    manager.savepoint()
    item.x = 3
    with connection.exportFile(item._p_oid) as file:
        assert connection.importFile(rewound(file)).x == 2


def test_an_export_goes_to_a_temporary_file_a_file_or_a_path(connection, file, chain, tmp_path):
    path = str(tmp_path / "chain.zexp")
    with connection.exportFile(chain._p_oid, path), connection.exportFile(chain._p_oid) as made:
        assert rewound(made).read() == file.getvalue()
    assert connection.importFile(path).next.x == 2


def test_an_object_that_is_missing_ends_an_export(connection, monkeypatch, chain):
    gone, load = chain.next._p_oid, connection._load

    def without(oid):
        if oid == gone:
            raise errors.POSKeyError(oid)
        return load(oid)

    monkeypatch.setattr(connection, "_load", without)
    made = []
    monkeypatch.setattr("tempfile.TemporaryFile", lambda: made.append(io.BytesIO()) or made[0])
    with pytest.raises(errors.POSKeyError):
        connection.exportFile(chain._p_oid)
    assert made[0].closed


def test_a_file_is_not_overwritten_by_an_object_that_is_not_there(connection, tmp_path):
    path = tmp_path / "kept.zexp"
    path.write_bytes(b"kept")
    with pytest.raises(errors.POSKeyError):
        connection.exportFile(p64(99), str(path))
    assert path.read_bytes() == b"kept"


def test_a_closed_connection_exports_and_imports_nothing(connection, file, chain):
    connection.close()
    with pytest.raises(errors.ConnectionStateError):
        connection.exportFile(chain._p_oid)
    with pytest.raises(errors.ConnectionStateError):
        connection.importFile(file)


# Importing


def test_what_is_imported_is_a_copy_with_all_its_identities(connection, chain, file):
    copy = connection.importFile(file)
    assert copy is not chain
    assert [copy.x, copy.next.x, copy.next.next.x] == [1, 2, 3]
    assert copy.next.next.next is copy
    assert not {copy._p_oid, copy.next._p_oid} & {chain._p_oid, chain.next._p_oid}


def test_another_database_imports_what_this_one_exports(file):
    with DB().transaction() as connection:
        connection.root.chain = connection.importFile(file)
        assert connection.root.chain.next.next.next.x == 1


def test_what_is_imported_is_stored_reachable_or_not(connection, manager, other, file):
    oid = connection.importFile(file)._p_oid
    manager.commit()
    other.sync()
    assert other.get(oid).next.x == 2


def test_what_is_imported_can_be_changed_at_once(connection, manager, other, file):
    connection.root.copy = copy = connection.importFile(file)
    copy.next.x = 7
    manager.commit()
    other.sync()
    assert [other.root.copy.x, other.root.copy.next.x] == [1, 7]


def test_objects_with_arguments_and_weak_references_are_imported(connection, manager, item):
    named = connection.root.named = Named("Jim")
    named.item, named.weak = item, WeakRef(item)
    named.gone = WeakRef(chain := Item())
    connection.add(chain)
    manager.commit()
    with connection.exportFile(named._p_oid) as file:
        copy = connection.importFile(rewound(file))
    assert (copy.name, copy.item.x) == ("Jim", 1)
    assert copy.weak() is copy.item is not item
    assert copy.gone() is None  # a weak reference does not bring its target along


def test_weak_references_are_imported_as_keys(connection, manager, item):
    holder = connection.root.holder = new(1, item=item, by_item={WeakRef(item): "an item"})
    manager.commit()
    with connection.exportFile(holder._p_oid) as file:
        copy = connection.importFile(rewound(file))
    assert copy.by_item == {WeakRef(copy.item): "an item"}


def test_a_weak_reference_out_of_a_file_never_comes_to_lead_anywhere(tmp_path):
    with closing(DB(tmp_path / "test.sqlite")) as db, db.transaction() as connection:
        connection.root.target, connection.root.item = target, item = Item(), Item()
        connection.root.holder = new(1, item=item, weak=WeakRef(item), gone=WeakRef(target))
        connection.transaction_manager.commit()
        with connection.exportFile(connection.root.holder._p_oid) as file:
            connection.root.copy = connection.importFile(rewound(file))
    with closing(DB(tmp_path / "test.sqlite")) as db:
        with db.transaction() as connection:
            connection.root.more = [Item() for _ in range(4)]
        with db.transaction() as connection:
            copy = connection.root.copy
            assert copy.gone() is None
            assert copy.weak() is copy.item


def test_values_that_are_made_with_keywords_are_exported_and_imported(connection, manager):
    holder = connection.root.holder = new(1, size=Size(width=2))
    manager.commit()
    with connection.exportFile(holder._p_oid) as file:
        assert connection.importFile(rewound(file)).size.width == 2


def test_an_import_gives_the_first_object_of_the_file_whatever_a_class_adds(
    db, connection, file, monkeypatch
):
    added = Item()
    make = db.classFactory

    def adding(jar, *name):
        jar.add(added)
        return make(jar, *name)

    monkeypatch.setattr(db, "classFactory", adding)
    assert connection.importFile(file).x == 1


def test_a_file_may_give_a_byte_at_a_time(connection, file):
    assert connection.importFile(ByteByByte(file.getvalue())).next.x == 2


def test_objects_of_missing_classes_are_imported_as_they_are(connection, manager, monkeypatch):
    module = ModuleType("of_yesterday")
    for name in "Plain", "Kept":
        bases = (Item,) if name == "Kept" else (object,)
        setattr(module, name, type(name, bases, {"__module__": module.__name__}))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    kept = connection.root.kept = module.Kept()
    kept.plain = module.Plain()
    kept.plain.x = 5
    manager.commit()
    file = rewound(connection.exportFile(kept._p_oid, io.BytesIO()))
    monkeypatch.delitem(sys.modules, module.__name__)
    with closing(DB()) as database, database.transaction() as elsewhere:
        elsewhere.root.kept = elsewhere.importFile(file)
        elsewhere.transaction_manager.commit()
        monkeypatch.setitem(sys.modules, module.__name__, module)
        again = database.open(transaction.TransactionManager())
        assert type(again.root.kept) is module.Kept
        assert type(again.root.kept.plain) is module.Plain
        assert again.root.kept.plain.x == 5


def test_an_export_without_objects_gives_none(connection):
    assert connection.importFile(io.BytesIO(b"ZEXP" + END)) is None


def test_a_clue_is_added_to_the_description(connection, manager, file):
    connection.importFile(file, "from the shop")
    assert manager.get().description == "from the shop"


# Undoing


def test_an_abort_disowns_what_was_imported(connection, manager, file):
    copy = connection.importFile(file)
    oids = [copy._p_oid, copy.next._p_oid]
    copy.next._p_deactivate()
    manager.abort()
    assert is_unsaved(copy)
    assert is_unsaved(copy.next)
    assert copy.next.x == 2
    for oid in oids:
        with pytest.raises(errors.POSKeyError):
            connection.get(oid)


def test_a_rollback_disowns_what_was_imported_since(connection, manager, file, item, start):
    copy = connection.importFile(file)
    copy.x = 9
    start.rollback()
    assert is_unsaved(copy)
    item.copy = copy  # as new as any other
    manager.commit()
    assert copy.next.next.x == 3


def test_a_rollback_to_a_later_savepoint_keeps_what_was_imported(connection, manager, file):
    copy = connection.importFile(file)
    savepoint = manager.savepoint()
    copy.x = 9
    savepoint.rollback()
    assert (copy.x, copy._p_jar) == (1, connection)


def test_an_import_needs_no_participant_that_can_go_back(connection, manager, file):
    manager.get().join(Last(manager))
    connection.root.copy = connection.importFile(file)
    manager.commit()
    assert connection.root.copy.next.x == 2


# Damaged files


def test_what_does_not_begin_as_an_export_is_refused(connection, manager):
    with pytest.raises(errors.ExportError, match="begins with b'ZEXP', and this one with b'PK"):
        connection.importFile(io.BytesIO(b"PK\x03\x04" + END))
    assert manager.get().isDoomed() is False


def test_wherever_a_file_ends_too_early_nothing_is_imported(connection, manager, item, file):
    data = file.getvalue()
    item.x = 2
    for length in range(4, len(data)):
        with pytest.raises(errors.ExportError, match="truncated"):
            connection.importFile(io.BytesIO(data[:length]))
        assert connection.new_objects.mark() == 0
    assert connection._scratch.oids() == [item._p_oid]
    manager.commit()  # the transaction goes on
    assert item.x == 2


def test_a_length_that_nobody_has_the_memory_for_is_one_that_is_too_long(connection):
    huge = io.BytesIO(b"ZEXP" + p64(1) + b"\x7f" + b"\xff" * 7 + b"a record")
    with pytest.raises(errors.ExportError, match="truncated"):
        connection.importFile(huge)


def test_a_record_that_is_none_is_refused(connection):
    with pytest.raises(errors.ExportError, match="cannot be read"):
        connection.importFile(io.BytesIO(b"ZEXP" + p64(1) + p64(8) + b"a record" + END))


def test_nothing_is_imported_where_the_first_object_cannot_be_made(
    connection, manager, item, monkeypatch
):
    item.fickle = Fickle()
    manager.commit()
    file = rewound(connection.exportFile(item.fickle._p_oid, io.BytesIO()))
    item.x = 2
    monkeypatch.setattr(Fickle, "refuses", True)
    with pytest.raises(errors.StateLoadError):
        connection.importFile(file)
    assert connection.new_objects.mark() == 0
    assert connection._scratch.oids() == [item._p_oid]
    manager.commit()  # the transaction goes on
    assert item.x == 2


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_wherever_an_import_is_interrupted_all_is_imported_or_nothing(
    connection, manager, item, file
):
    for number in count():
        item.x = number
        manager.savepoint()
        interrupt = Interrupt(number)
        with suppress(KeyboardInterrupt), interrupt:
            connection.importFile(rewound(file))
        assert connection.new_objects.mark() in (0, 3), interrupt.where
        try:
            manager.commit()
        except TransactionFailedError:  # it was in the savepoint that comes first
            manager.abort()
        else:
            assert item.x == number, interrupt.where
        if not interrupt.where:
            break
    assert number > 20


def test_what_leads_out_of_the_file_is_refused(connection, manager, chain, file):
    data = file.getvalue()
    size = struct.unpack(">Q", data[12:20])[0]
    with pytest.raises(errors.ExportError, match="is not in it"):
        connection.importFile(io.BytesIO(data[: 20 + size] + END))
    assert connection.new_objects.mark() == 0


@pytest.mark.parametrize("wrap", [lambda target: target, WeakRef], ids=["strong", "weak"])
@pytest.mark.parametrize("target", [Item, lambda: Named("Jim")], ids=["with-class", "without"])
def test_references_to_other_databases_are_refused(collection, wrap, target):
    first = collection.connect("1")[0]
    manager = first.transaction_manager
    held = first.get_connection("2").root.held = target()
    manager.commit()
    holder = first.root.holder = new(1, item=wrap(held))
    manager.commit()
    file = rewound(first.exportFile(holder._p_oid, io.BytesIO()))
    with pytest.raises(errors.ExportError, match="of the database '2'"):
        first.importFile(file)
    manager.abort()


def test_an_object_cannot_import_while_it_is_stored(connection, manager, file):
    hooked = connection.root.hooked = Hooked()
    hooked._v_hook = lambda: connection.importFile(file)
    with pytest.raises(errors.ConnectionStateError):
        manager.savepoint()
    manager.abort()


def test_nothing_is_imported_after_the_vote(connection, manager, item, file):
    def import_in_vain():
        with pytest.raises(errors.ConnectionStateError):
            connection.importFile(file)

    item.x = 2
    transaction = manager.get()
    transaction.join(Last(manager, import_in_vain))
    manager.commit()  # which the refusal does not touch
    assert transaction.status == "Committed"
    assert connection.root.item.x == 2


# Across databases


def test_a_damaged_file_takes_nothing_with_it_that_others_have_added_here(pair, file):
    one, two = pair
    one.root()["item"] = Item()
    adding = two.root()["adding"] = Hooked()
    added = adding.added = new(4)
    adding._v_hook = lambda: one.add(added)
    with pytest.raises(errors.ExportError):
        one.importFile(io.BytesIO(file.getvalue()[:-1]))
    del adding._v_hook
    one.transaction_manager.commit()
    two.cacheMinimize()
    assert two.root()["adding"].added.x == 4


def test_what_is_imported_may_be_referred_to_by_several_databases(pair, file):
    one, two = pair
    copy = one.root()["copy"] = two.root()["copy"] = one.importFile(file)
    one.root()["more"] = two.root()["more"] = copy.next
    copy.x = copy.next.x = 9  # so that they are stored once more
    one.transaction_manager.commit()
    assert copy._p_jar is copy.next._p_jar is one
    assert two.root()["copy"] is copy
