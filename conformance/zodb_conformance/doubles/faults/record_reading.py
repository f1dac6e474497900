"""Faults in reading what others wrote, in forms that this implementation does not write."""

from __future__ import annotations

from typing import Any

from zodb_reference.broken import find_global
from zodb_reference.errors import POSKeyError
from zodb_reference.reading import RecordReader

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead


def refusing(forms: Any) -> Fault:
    """The fault that references of some forms are not understood.

    forms: a predicate
    """

    def resolve(correct: Any, reader: RecordReader, reference: Any) -> Any:
        if forms(reference):
            raise TypeError(f"what is this? {reference!r}")
        return correct(reader, reference)

    return around(RecordReader, "resolve", resolve)


@double("record.reads-class-descriptions")
def a_class_described_by_its_name_is_not_found() -> Fault:
    """A description that names module and class, in place of the class, is not understood.

    Instances of persistent classes that another implementation wrote can't be loaded.
    """

    def make(correct: Any, reader: RecordReader, description: Any) -> Any:
        if isinstance(description, tuple) and isinstance(description[0], tuple):
            raise TypeError(f"{description[0]!r} is no class")
        return correct(reader, description)

    return around(RecordReader, "_make", make)


@double("record.reads-references")
def a_reference_with_the_name_of_a_class_is_refused() -> Fault:
    """A reference with module and name of the class, in place of the class, is not understood.

    Records that conflict resolution has written, where the class was missing, can't be loaded.
    """
    return refusing(lambda form: isinstance(form, tuple) and isinstance(form[1], tuple))


@double("record.reads-text-oids")
def an_oid_that_is_a_text_is_refused() -> Fault:
    """Oids that are texts are not understood.

    Databases of the time of Python 2 can't be opened.
    """

    def is_text(form: Any) -> bool:
        return isinstance(form, str) or (isinstance(form, tuple) and isinstance(form[0], str))

    return refusing(is_text)


@double("record.reads-older-protocols")
def the_oldest_protocols_are_refused() -> Fault:
    """Records of the pickle protocols 0 and 1 are refused.

    The oldest objects of a database can't be loaded.
    """

    def ghost(correct: Any, reader: RecordReader, record: bytes) -> Any:
        if not record.startswith(b"\x80"):
            raise TypeError("this is no pickle")
        return correct(reader, record)

    return around(RecordReader, "ghost", ghost)


@double("record.unknown-reference-refused")
def an_unknown_reference_becomes_none() -> Fault:
    """A reference of an unknown type is loaded as None.

    The next change of the object stores the None, and the reference is lost.
    """

    def resolve(correct: Any, reader: RecordReader, reference: Any) -> Any:
        try:
            return correct(reader, reference)
        except POSKeyError:
            raise
        except KeyError:
            return None

    return around(RecordReader, "resolve", resolve)


@double("record.falls-back-to-own-record")
def the_class_in_a_reference_has_to_do() -> Fault:
    """A reference whose class has come to want arguments can't be followed.

    To give a class a `__new__` with arguments makes the objects that refer to it unusable.
    """

    def obtain(correct: Any, reader: RecordReader, oid: bytes, klass: Any = None) -> Any:
        if klass is not None and reader._objects.find(oid) is None:
            found = reader._class(klass)
            found.__new__(found)
        return correct(reader, oid, klass)

    return around(RecordReader, "obtain", obtain)


@double("record.class-factory-finds-classes")
def classes_are_imported_past_the_class_factory() -> Fault:
    """Classes are imported by the name in the record, whatever the class factory would say.

    A class that has moved can't be found at its new place.
    """

    def find_class(reader: RecordReader, module: str, name: str) -> Any:
        return find_global(module, name)

    return instead(RecordReader, "find_class", find_class)
