import pytest
from zodb_reference.errors import ConnectionStateError


def test_the_root_is_called_for_its_mapping(connection):
    connection.root()["answer"] = 42
    assert connection.root()["answer"] == 42
    assert connection.root() is connection.root()


def test_items_of_the_root_are_its_attributes(connection):
    connection.root.answer = 42
    assert connection.root()["answer"] == connection.root.answer == 42
    del connection.root.answer
    assert "answer" not in connection.root()


def test_a_missing_item_is_a_missing_attribute(connection):
    with pytest.raises(AttributeError, match="'answer'"):
        _ = connection.root.answer
    with pytest.raises(AttributeError, match="'answer'"):
        del connection.root.answer


def test_the_root_lists_its_names(connection):
    connection.root.b = connection.root.a = 1
    connection.root()[3] = 1
    assert dir(connection.root) == ["a", "b"]
    assert repr(connection.root) == "<root: a b>"


def test_the_root_of_a_closed_connection_can_be_shown_and_not_used(connection):
    root = connection.root
    connection.close()
    with pytest.raises(ConnectionStateError):
        root()
    assert "is closed" in repr(root)
    assert "is closed" in repr(connection.root)
