"""The record format: how the state of an object is written.

Records outlive programs, and several implementations read and write the same storage. So the
format is part of the specification, to the byte where others depend on it: each implementation
opens what any other wrote.
"""

from __future__ import annotations

from zodb_spec.clause import MAY, MUST, example, text
from zodb_spec.editions import CURRENT


@example("record.two-pickles", MUST, rules="SER-1", needs="raw-records")
def two_pickles() -> None:
    """A data record is two pickles, one directly after the other and nothing behind: first the
    description of the object's class, then its state. So a ghost can be made from the first
    alone.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> data, tid = stored(db, thing._p_oid)
    >>> found = pickles(data)
    >>> len(found), b"".join(found) == data
    (2, True)
    >>> description, state = parts(data)
    >>> description is Thing, state
    (True, {'a': 1})
    """


@example("record.pickle-protocol", MUST, rules="SER-12", since=CURRENT, needs="raw-records")
def pickle_protocol() -> None:
    r"""Both pickles of a record are written with protocol 3, which every reader in use
    understands. Up to the edition of 2006-08-16 it was 1.

    >>> root = connection.root()
    >>> root["thing"], root["named"] = Thing(), Named("Jim")
    >>> root["thing"].data = b"bytes", "text", 10**20, (1, 2, 3)
    >>> tm.commit()
    >>> oids = [root._p_oid, root["thing"]._p_oid, root["named"]._p_oid]
    >>> {one[:2] for oid in oids for one in pickles(stored(db, oid)[0])}
    {b'\x80\x03'}
    """


@example("record.class-description", MUST, rules="SER-2", needs="raw-records")
def class_description() -> None:
    """The description of a class is the class itself, by its module and name, or, where the
    object has `__getnewargs__`, a pair of the class and the arguments.

    >>> root = connection.root()
    >>> root["thing"], root["named"] = Thing(), Named("Jim")
    >>> tm.commit()
    >>> parts(stored(db, root["thing"]._p_oid)[0])[0] is Thing
    True
    >>> parts(stored(db, root["named"]._p_oid)[0])[0] == (Named, ("Jim",))
    True
    """


@example("record.state-is-what-getstate-gives", MUST, rules="SER-3")
def state_is_what_getstate_gives() -> None:
    """The state is what `__getstate__` returns, of whatever type, and is handed to `__setstate__`
    as it was. `__reduce__`, which pickle would use, plays no part for persistent objects.

    >>> contents = {"a": 1}, (1, "two"), ["three"], "text", 0
    >>> connection.root()["all"] = PersistentList(map(Boxed, contents))
    >>> tm.commit()
    >>> [boxed.content for boxed in opened(db).root()["all"]]
    [{'a': 1}, (1, 'two'), ['three'], 'text', 0]
    """


@example("record.state-may-be-none", MUST, rules="SER-4")
def state_may_be_none() -> None:
    """None is a state like any other: it is stored, and `__setstate__` is called with it.

    >>> connection.root()["boxed"] = Boxed(None)
    >>> tm.commit()
    >>> opened(db).root()["boxed"].content is None
    True
    """


@example("record.new-arguments", MUST, rules="LIFE-40")
def new_arguments() -> None:
    """An object whose class has `__getnewargs__` is made again by calling ``__new__`` with the
    arguments that its record holds. References to it do not carry them, nor the class: to get
    such an object, even as a ghost, its record has to be read.

    >>> connection.root()["engraved"] = Engraved("Jim")
    >>> connection.root()["engraved"].a = 1
    >>> tm.commit()
    >>> same = opened(db).root()["engraved"]
    >>> same._p_text, same.a
    ('Jim', 1)
    """


@example("record.references", MUST, rules="SER-6", needs="raw-records")
def references() -> None:
    """A reference to another persistent object is a persistent id of the pickle, of one of these
    forms: the pair of oid and class; the oid alone, where the class has `__getnewargs__` or the
    object is a persistent class; a list for everything else, for a persistent weak reference
    ``["w", (oid,)]``. Oids are bytes.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.one, thing.named = Thing(), Named("Jim")
    >>> thing.weak = WeakRef(thing.one)
    >>> tm.commit()
    >>> state = parts(stored(db, thing._p_oid)[0])[1]
    >>> state["one"] == ("ref", (thing.one._p_oid, Thing))
    True
    >>> state["named"] == ("ref", thing.named._p_oid)
    True
    >>> state["weak"] == ("ref", ["w", (thing.one._p_oid,)])
    True
    """


@text("record.references-remember-the-class", MAY, rules="SER-9")
def references_remember_the_class() -> None:
    """A reference that carries a class is not changed when the class of its target is: until the
    referrer is stored again, the target may be made as an instance of the class that the
    reference names, whatever its own record says.
    """


@text("record.memo-is-not-shared", MUST, rules="SER-13", binds="unobservable")
def memo_is_not_shared() -> None:
    """A record can be read without any other record: the memo of the pickler is cleared between
    records. Inside one record the state may use what the description of the class has memorized,
    so a reader reads both pickles with one unpickler.
    """


@example("record.references-found-without-classes", MUST, rules="SER-17", needs="references")
def references_found_without_classes() -> None:
    """The references of a record to objects of its own database can be found where none of the
    classes involved can be imported, as garbage collection on a server needs it: `references` of
    the database gives their oids. Weak references and references to other databases are left out,
    since neither keeps an object of this database.

    >>> one, two, three = (bytes(7) + bytes([n]) for n in (1, 2, 3))
    >>> with lent_class("Gone") as Gone, lent_class("Value", Holder) as Value:
    ...     value = Value(strong=("ref", (one, Gone)), values=[("ref", two), ("ref", (two, Gone))])
    ...     value.weak = ("ref", ["w", (three,)]), ("ref", [three]), ("ref", ["w", (three, "db")])
    ...     value.others = ("ref", ["n", ("db", three)]), ("ref", ["m", ("db", three, Gone)])
    ...     data = record((Gone, ("Jim",)), {"value": value})
    >>> sorted(set(db.references(data))) == [one, two]
    True
    """


@example("record.ids-are-numbers", MUST, rules="SER-20", binds="storage")
def ids_are_numbers() -> None:
    r"""Oids and tids are eight bytes, which stand for unsigned numbers, the first byte being the
    highest. A tid is a time, too: its first half counts minutes, in a calendar of 31 days to each
    month that begins in 1900, and its second half is the fraction of the minute. None is above
    ``7f ff`` and so on, the greatest number that fits a signed integer.

    >>> import time
    >>> from persistent.timestamp import TimeStamp
    >>> thing = connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> oid, tid = thing._p_oid, thing._p_serial
    >>> type(oid) is type(tid) is bytes, len(oid), len(tid)
    (True, 8, 8)
    >>> abs(TimeStamp(tid).timeTime() - time.time()) < 60
    True
    >>> oid < b"\x7f" + b"\xff" * 7, tid < b"\x7f" + b"\xff" * 7
    (True, True)
    """
