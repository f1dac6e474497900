"""Faults in the record format, as it is written."""

from __future__ import annotations

import io
import pickle
from typing import Any

from zodb_reference import db, writing
from zodb_reference.oids import p64, u64
from zodb_reference.reading import RecordReader
from zodb_reference.storages import twophase
from zodb_reference.writing import RecordWriter

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead


@double("record.two-pickles")
def a_record_ends_with_a_third_pickle() -> Fault:
    """A record has something behind its state.

    Whoever copies or converts records, and reads two pickles, loses it or fails.
    """

    def record(correct: Any, writer: RecordWriter, description: Any, state: Any) -> bytes:
        written: bytes = correct(writer, description, state)
        return written + pickle.dumps(None, 3)

    return around(RecordWriter, "record", record)


@double("record.pickle-protocol")
def records_are_written_with_protocol_2() -> Fault:
    """Records are pickled with protocol 2.

    Bytes become calls of a function of another module, which a reader without it can't make.
    """
    return instead(writing, "PROTOCOL", 2)


@double("record.class-description")
def arguments_are_described_by_a_list() -> Fault:
    """The arguments of `__new__` are written as a list.

    A reader that passes on what it finds calls ``__new__`` with one argument too few or too many.
    """

    def description(correct: Any, writer: RecordWriter, obj: Any) -> Any:
        described = correct(writer, obj)
        if isinstance(described, tuple):
            return described[0], list(described[1])
        return described

    return around(RecordWriter, "description", description)


@double("record.state-is-what-getstate-gives")
def a_false_state_is_stored_as_none() -> Fault:
    """Where `__getstate__` returns something false, such as 0 or an empty text, None is stored.

    `__setstate__` is handed another value than the object gave.
    """

    def record(correct: Any, writer: RecordWriter, description: Any, state: Any) -> bytes:
        written: bytes = correct(writer, description, state or None)
        return written

    return around(RecordWriter, "record", record)


@double("record.state-may-be-none")
def a_state_of_none_is_passed_over() -> Fault:
    """`__setstate__` is not called where the state is None.

    The object keeps what its class says, and not what it was told to hold.
    """

    def set_state(correct: Any, reader: RecordReader, obj: Any, record: bytes) -> None:
        if reader.state(record) is not None:
            correct(reader, obj, record)

    return around(RecordReader, "set_state", set_state)


@double("record.new-arguments")
def new_gets_empty_texts() -> Fault:
    """Objects are made again with empty texts in place of the arguments of `__new__`.

    What an object has from these arguments alone is lost.
    """

    def make(correct: Any, reader: RecordReader, description: Any) -> Any:
        if isinstance(description, tuple) and description[1]:
            description = description[0], ("",) * len(description[1])
        return correct(reader, description)

    return around(RecordReader, "_make", make)


@double("record.references")
def a_reference_is_the_oid_alone() -> Fault:
    """References are written without the class of the object that they lead to.

    To make a ghost, its record has to be read: whoever loads an object waits for all its
    neighbours.
    """

    def reference(correct: Any, writer: RecordWriter, value: Any) -> Any:
        form = correct(writer, value)
        return form[0] if isinstance(form, tuple) else form

    return around(RecordWriter, "_reference", reference)


@double("record.references-found-without-classes")
def references_are_found_by_importing_the_classes() -> Fault:
    """To find the references of a record, the classes that it names are imported.

    Where the application is not installed, garbage can't be collected.
    """

    def references(record: bytes, oids: list[bytes] | None = None) -> list[bytes]:
        found: list[bytes] = [] if oids is None else oids
        unpickler = pickle.Unpickler(io.BytesIO(record))
        unpickler.persistent_load = (  # type: ignore[method-assign]
            lambda form: found.append(form[0] if isinstance(form, tuple) else form)
        )
        unpickler.load()
        unpickler.load()
        return found

    return instead(db, "own_references", references)


@double("record.ids-are-numbers")
def tids_are_counted() -> Fault:
    """Tids are counted from one, and do not tell the time.

    Nobody can say when a revision was written, or ask for the state of yesterday.
    """
    return instead(twophase, "new_tid", lambda last: p64(u64(last) + 1))
