import copyreg
import sys
import types

import pytest
from persistent import Persistent
from zodb_reference import DB
from zodb_reference.broken import (
    Broken,
    PersistentBroken,
    broken_class,
    find_global,
    import_global,
    persistent_broken_class,
)
from zodb_reference.errors import BrokenModified
from zodb_reference.storages import MemoryStorage


class Money:
    """A value."""

    __module__ = "shop"
    __qualname__ = "Money"

    def __init__(self, amount):
        self.amount = amount


class Called(Money):
    """A value that is made by calling its class."""

    __qualname__ = "Called"

    def __reduce__(self):
        return Called, (self.amount,)


class Book(Persistent):
    __module__ = "shop"
    __qualname__ = "Book"


class Shelf(Persistent):
    """An object whose class wants an argument."""

    __module__ = "shop"
    __qualname__ = "Shelf"

    def __new__(cls, name):
        made = super().__new__(cls)
        made.name = name
        return made

    def __getnewargs__(self):
        return ("made again",)


class Shop:
    """The module of the application, which a test removes and puts back."""

    def __enter__(self):
        module = types.ModuleType("shop")
        vars(module).update(Book=Book, Shelf=Shelf, Money=Money, Called=Called)
        sys.modules["shop"] = module

    def __exit__(self, *_):
        sys.modules.pop("shop", None)


@pytest.fixture
def storage():
    """A storage with objects of classes that cannot be imported any more."""
    storage = MemoryStorage()
    with Shop(), DB(storage).transaction() as connection:
        book = Book()
        book.title = "Title"
        book.price = Money(5)
        connection.root.book = book
        connection.root.shelf = shelf = Shelf("name")
        shelf.books = [book]
        connection.root.values = [Money(1), Called(2), Money]
    return storage


def current(storage, oid):
    return storage.loadBefore(oid, b"\x7f" + b"\xff" * 7)[0]


def test_a_placeholder_stands_for_an_object_whose_class_is_missing(storage):
    with DB(storage).transaction() as connection:
        book = connection.root.book
        assert isinstance(book, PersistentBroken)
        assert (type(book).__module__, type(book).__name__) == ("shop", "Book")
        assert book.__Broken_state__["title"] == "Title"
        assert book.__Broken_newargs__ == ()
        assert "persistent broken shop.Book" in repr(book)


def test_a_placeholder_keeps_the_arguments_of_new_also_as_a_ghost(storage):
    with DB(storage).transaction() as connection:
        shelf = connection.root.shelf
        assert shelf.__Broken_newargs__ == ("made again",)
        shelf._p_deactivate()
        assert shelf._p_changed is None
        assert shelf.__Broken_newargs__ == ("made again",)
        assert shelf.__Broken_state__["books"] == [connection.root.book]


def test_a_placeholder_refuses_to_be_changed(storage):
    with DB(storage).transaction() as connection:
        book = connection.root.book
        with pytest.raises(BrokenModified, match=r"shop\.Book"):
            book.title = "Other"
        with pytest.raises(BrokenModified, match=r"shop\.Book"):
            del book.title
        with pytest.raises(BrokenModified, match=r"shop\.Book"):
            book._p_changed = True
        price = book.__Broken_state__["price"]
        with pytest.raises(BrokenModified, match=r"shop\.Money"):
            price.amount = 6
        with pytest.raises(BrokenModified, match=r"shop\.Money"):
            del price.amount
        assert book._p_changed is False


def test_new_objects_may_refer_to_a_placeholder(storage):
    with DB(storage).transaction() as connection:
        connection.root.again = connection.root.book
    with Shop(), DB(storage).transaction() as connection:
        assert connection.root.again is connection.root.book
        assert connection.root.again.title == "Title"


def test_values_of_missing_classes_are_written_as_they_were(storage):
    """The holder of such values may be changed without loss."""
    before = current(storage, b"\0" * 8)
    with DB(storage).transaction() as connection:
        values = connection.root.values
        assert isinstance(values[0], Broken)
        assert "broken shop.Money" in repr(values[0])
        connection.root()._p_changed = True
    assert current(storage, b"\0" * 8).count(b"cshop\nMoney\n") == before.count(b"cshop\nMoney\n")
    with Shop(), DB(storage).transaction() as connection:
        first, second, klass = connection.root.values
        assert (type(first), first.amount) == (Money, 1)
        assert (type(second), second.amount) == (Called, 2)
        assert klass is Money
        assert connection.root.book.price.amount == 5
        assert connection.root.shelf.books == [connection.root.book]


def test_a_placeholder_of_zodb_in_a_record_is_understood():
    value = import_global("ZODB.broken", "rebuild")("shop", "Missing", 1)
    assert type(value) is broken_class("shop", "Missing")
    assert value.__Broken_newargs__ == (1,)


def test_a_placeholder_class_is_always_the_same():
    assert find_global("shop", "Missing") is broken_class("shop", "Missing")
    assert find_global("sys", "missing") is broken_class("sys", "missing")
    klass = broken_class("shop", "Missing")
    assert persistent_broken_class(klass) is persistent_broken_class(klass)
    assert find_global("sys", "path") is sys.path


@pytest.mark.parametrize(
    ("module", "name", "found"),
    [("__builtin__", "unicode", str), ("copy_reg", "_reconstructor", None), ("UserDict", "x", 0)],
)
def test_names_of_python_2_are_translated(module, name, found):
    expected = {None: copyreg._reconstructor, 0: broken_class("UserDict", "x")}.get(found, found)
    assert find_global(module, name) is expected


def test_an_error_inside_of_a_module_is_not_taken_for_a_missing_class(tmp_path, monkeypatch):
    (tmp_path / "damaged_module.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ZeroDivisionError):
        find_global("damaged_module", "Book")
