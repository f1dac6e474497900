import pickle

import pytest
from zodb_reference.metadata import TransactionMetaData


def test_user_and_description_are_bytes_for_the_storage():
    meta = TransactionMetaData("/ ärla", "größer")
    assert (meta.user, meta.description) == ("/ ärla".encode(), "größer".encode())


def test_the_extension_is_a_dictionary_and_one_pickle():
    meta = TransactionMetaData(extension={"request": 7})
    assert meta.extension == {"request": 7}
    assert pickle.loads(meta.extension_bytes) == {"request": 7}
    assert meta.extension_bytes.startswith(b"\x80\x03")


def test_an_empty_extension_takes_no_bytes():
    assert TransactionMetaData().extension_bytes == b""


def test_later_changes_of_the_extension_do_not_tear_it_apart():
    extension = {"a": 1}
    meta = TransactionMetaData(extension=extension)
    extension["b"] = 2
    assert meta.extension == pickle.loads(meta.extension_bytes) == {"a": 1}


def test_an_extension_that_cannot_be_pickled_is_refused_at_once():
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        TransactionMetaData(extension={"f": lambda: 0})


def test_storages_may_keep_their_own_data_with_it():
    meta, key = TransactionMetaData(), object()
    with pytest.raises(KeyError):
        meta.data(key)
    meta.set_data(key, "value")
    assert meta.data(key) == "value"
