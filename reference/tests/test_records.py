import io
import pickle

import pytest
from zodb_reference.oids import p64
from zodb_reference.records import as_oid, class_name, own_references


def record(description: bytes, state: bytes) -> bytes:
    """Put two pickles of protocol 0 together."""
    return description + state


NAMED = b"capp.models\nBook\n."


def persistent_ids(*references: object) -> bytes:
    """Return the pickle of a list of persistent references."""

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return value[1] if isinstance(value, tuple) and value[0] == "pid" else None

    file = io.BytesIO()
    Pickler(file, 3).dump([("pid", reference) for reference in references])
    return file.getvalue()


def test_own_references_are_the_strong_ones_within_the_database():
    state = persistent_ids(
        (p64(1), "class"),
        p64(2),
        ["w", (p64(3),)],
        ["w", (p64(4), "other")],
        [p64(5)],
        ["m", ("other", p64(6), "class")],
        ["n", ("other", p64(7))],
    )
    assert own_references(record(NAMED, state)) == [p64(1), p64(2)]


def test_own_references_are_appended_to_a_list_that_is_given():
    oids = [p64(9)]
    assert own_references(record(NAMED, persistent_ids(p64(2))), oids) is oids
    assert oids == [p64(9), p64(2)]


def test_a_reference_in_the_class_description_counts():
    assert own_references(record(persistent_ids(p64(4)), b"N.")) == [p64(4)]


def test_oids_that_python_2_wrote_as_text_are_bytes():
    assert as_oid("\0\0\0\0\0\0\0a") == p64(97)
    assert own_references(record(NAMED, b"U\x08\0\0\0\0\0\0\0aQ.")) == [p64(97)]


@pytest.mark.parametrize(
    "state",
    [
        b"capp.models\nBook\n)\x81}(U\x01aK\x01ub.",  # made by __new__, with a state
        b"capp.models\nread\n(K\x01tR.",  # made by a function
        b"capp.models\nShelf\n)R(K\x01K\x02e(K\x01K\x02u.",  # with items of a list and of a dict
        b"capp.models\nmaker\n(tR(tR.",  # made by what was made by a function
        b"(iapp.models\nOld\n}b.",  # an instance of Python 2's first kind of class
    ],
)
def test_references_are_found_without_the_classes_of_the_application(state):
    assert own_references(record(NAMED, state)) == []


@pytest.mark.parametrize(
    "description",
    [
        NAMED,
        b"(capp.models\nBook\nNt.",
        b"((U\x0aapp.modelsU\x04BooktNt.",
        b"((U\x0aapp.modelsU\x04Bookt(K\x01tt.",
    ],
)
def test_the_class_is_named_without_importing_it(description):
    assert class_name(record(description, b"N.")) == "app.models.Book"


@pytest.mark.parametrize("data", [b"", b"no pickle", b"K\x01.", b"U\x08\0\0\0\0\0\0\0aQ."])
def test_what_describes_no_class_has_no_class_name(data):
    assert class_name(data) == ""
