import pickle

import pytest
import transaction.interfaces
import ZODB.POSException
from persistent import Persistent
from zodb_reference import errors
from zodb_reference.errors import own_error, own_errors
from zodb_reference.oids import p64, z64

NAMES = sorted(
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, errors.POSError)
)


@pytest.mark.parametrize("name", NAMES)
def test_an_error_has_the_bases_that_programs_know(name):
    ours, theirs = getattr(errors, name), getattr(ZODB.POSException, name)
    assert [base.__name__ for base in ours.__mro__] == [base.__name__ for base in theirs.__mro__]


def test_a_missing_object_is_a_key_error_that_shows_the_oid():
    assert str(errors.POSKeyError(p64(42))) == "0x2a"
    assert issubclass(errors.POSKeyError, KeyError)


def test_a_conflict_can_be_retried():
    assert issubclass(errors.ReadConflictError, transaction.interfaces.TransientError)


def test_a_conflict_tells_object_class_and_serials():
    error = errors.ConflictError(
        oid=p64(1), serials=(p64(2), p64(3)), data=b"capp.models\nBook\n.N."
    )
    assert (error.get_oid(), error.get_class_name()) == (p64(1), "app.models.Book")
    assert error.get_serials() == (p64(2), p64(3))
    assert str(error).startswith(
        "database conflict error (oid 0x01, class app.models.Book, serial this txn started"
    )


def test_a_conflict_takes_oid_and_class_from_an_object():
    error = errors.ReadConflictError(object=Persistent())
    assert (error.oid, error.class_name) == (None, "persistent.Persistent")
    assert str(error) == "database read conflict error (class persistent.Persistent)"


def test_a_conflict_survives_pickling():
    error = pickle.loads(pickle.dumps(errors.ConflictError("changed", oid=z64)))
    assert (error.message, error.oid, str(error)) == ("changed", z64, "changed (oid 0x00)")


@pytest.mark.parametrize("name", NAMES)
def test_an_error_of_zodb_becomes_the_one_of_the_same_name(name):
    theirs = getattr(ZODB.POSException, name)("text")
    assert type(own_error(theirs)) is getattr(errors, name)


def test_a_translated_error_keeps_its_content_and_its_cause():
    theirs = ZODB.POSException.ConflictError(oid=p64(7), serials=(p64(2), p64(1)))
    with pytest.raises(errors.ConflictError) as caught, own_errors:
        raise theirs
    assert (caught.value.oid, caught.value.serials) == (p64(7), (p64(2), p64(1)))
    assert str(caught.value) == str(theirs)
    assert caught.value.__cause__ is theirs


def test_an_error_without_a_counterpart_becomes_the_nearest_base():
    theirs = ZODB.POSException.TransactionTooLargeError("too large")
    assert type(own_error(theirs)) is errors.StorageTransactionError


@pytest.mark.parametrize(
    "error", [errors.POSKeyError(z64), KeyError("name"), OSError(28, "full"), KeyboardInterrupt()]
)
def test_other_errors_pass_as_they_are(error):
    with pytest.raises(type(error)) as caught, own_errors:
        raise error
    assert caught.value is error
