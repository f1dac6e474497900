"""Reading records: what a reader accepts beyond what a writer writes.

Databases are decades old. A reader understands every form that was ever written, and finds each
class by way of the database's class factory.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example
from zodb_spec.editions import CURRENT


@example("record.reads-class-descriptions", MUST, rules="SER-2", needs="raw-records")
def reads_class_descriptions() -> None:
    """A class description can be read in each of these forms: the class; a pair of the class and
    None; a pair of the class and arguments; the same two with the pair of module and name in
    place of the class. The arguments are those of ``__new__``.

    >>> name, engraved = (Thing.__module__, "Thing"), (Engraved.__module__, "Engraved")
    >>> oids = []
    >>> for description in Thing, (Thing, None), (Thing, ()), (name, None), (name, ()):
    ...     oids.append(db.storage.new_oid())
    ...     tid = store(db, oids[-1], record(description, {"a": 1}))
    >>> other = opened(db)
    >>> [type(other.get(oid)) is Thing and other.get(oid).a for oid in oids]
    [1, 1, 1, 1, 1]
    >>> for description in (Engraved, ("Jim",)), (engraved, ("Jim",)):
    ...     oids.append(db.storage.new_oid())
    ...     tid = store(db, oids[-1], record(description, (None, {"a": 2})))
    >>> other.sync()
    >>> [(other.get(oid)._p_text, other.get(oid).a) for oid in oids[5:]]
    [('Jim', 2), ('Jim', 2)]
    """


@example("record.reads-references", MUST, rules="SER-6", needs="raw-records")
def reads_references() -> None:
    """References can be read in all their forms: oid and class, where the class may be a pair of
    module and name; the oid alone; ``["w", (oid,)]`` and, from old databases, ``[oid]`` for weak
    ones. All forms lead to one object.

    >>> one, two = db.storage.new_oid(), db.storage.new_oid()
    >>> forms = [(one, Thing), (one, (Thing.__module__, "Thing")), one]
    >>> state = {"strong": [("ref", form) for form in forms]}
    >>> state["weak"] = [("ref", ["w", (one,)]), ("ref", [one])]
    >>> tids = [store(db, one, record(Thing, {"a": 1})), store(db, two, record(Thing, state))]
    >>> thing = opened(db).get(two)
    >>> [strong.a for strong in thing.strong]
    [1, 1, 1]
    >>> len({id(strong) for strong in thing.strong})
    1
    >>> [type(weak) is WeakRef and weak() is thing.strong[0] for weak in thing.weak]
    [True, True]
    """


@example("record.reads-text-oids", MUST, rules="SER-7", since=CURRENT, needs="raw-records")
def reads_text_oids() -> None:
    r"""An oid in a reference may be bytes or a text of ASCII characters, each of them one byte:
    the strings in which Python 2 wrote oids are read as such texts.

    >>> one, two, three = bytes(7) + b"\x7f", db.storage.new_oid(), db.storage.new_oid()
    >>> text = one.decode("ascii")
    >>> forms = text, (text, Thing), ["w", (text,)], [text]
    >>> python2 = b"\x80\x02}U\x03oneU\x08" + one + b"Qs."
    >>> tid = store(db, one, record(Thing, {"a": 1}))
    >>> tid = store(db, two, record(Thing, {"all": [("ref", form) for form in forms]}, 2))
    >>> tid = store(db, three, pickle.dumps(Thing, 2) + python2)
    >>> other = opened(db)
    >>> alone, pair, weak, old = other.get(two).all
    >>> alone.a, pair is alone, weak() is alone, old() is alone
    (1, True, True, True)
    >>> other.get(three).one is alone
    True
    """


@example("record.reads-older-protocols", MUST, rules="SER-12", since=CURRENT, needs="raw-records")
def reads_older_protocols() -> None:
    """Records of every pickle protocol up to 3 can be read.

    >>> oids = [db.storage.new_oid() for protocol in range(4)]
    >>> for protocol, oid in enumerate(oids):
    ...     tid = store(db, oid, record(Thing, {"a": [1, "text", b"bytes"]}, protocol))
    >>> other = opened(db)
    >>> [other.get(oid).a == [1, "text", b"bytes"] for oid in oids]
    [True, True, True, True]
    """


@example(
    "record.unknown-reference-refused",
    MUST,
    rules="SER-8",
    error="StateLoadError KeyError",
    needs="raw-records",
)
def unknown_reference_refused() -> None:
    """A state with an extended reference of a type that the reader does not know cannot be
    loaded: to leave the reference out would damage the object at its next change.

    >>> oid = db.storage.new_oid()
    >>> tid = store(db, oid, record(Thing, {"a": ("ref", ["unknown", (oid, Thing)])}))
    >>> thing = opened(db).get(oid)
    >>> with raises("StateLoadError", "KeyError"):
    ...     thing.a
    """


@example("record.falls-back-to-own-record", MUST, rules="SER-10", needs="raw-records")
def falls_back_to_own_record() -> None:
    """Where a reference carries a class that cannot be instantiated by plain ``__new__``, as
    happens when a class has gained arguments since, the reader makes the object from its own
    record.

    >>> one, two = db.storage.new_oid(), db.storage.new_oid()
    >>> tid = store(db, one, record((Engraved, ("Jim",)), (None, {"a": 1})))
    >>> tid = store(db, two, record(Thing, {"engraved": ("ref", (one, Engraved))}))
    >>> engraved = opened(db).get(two).engraved
    >>> engraved._p_text, engraved.a
    ('Jim', 1)
    """


@example("record.class-factory-finds-classes", MUST, rules="SER-11", needs="class-factory")
def class_factory_finds_classes() -> None:
    """Every class that a record names is found by the class factory of the database, which is
    called with the connection, the name of the module and the name of the class. By default it
    imports the module, and gives a broken class where that fails.

    >>> connection.root()["thing"] = Thing()
    >>> connection.root()["thing"].value = Holder(x=1)
    >>> tm.commit()
    >>> usual, asked = db.classFactory, []
    >>> def find(connection, module, name):
    ...     asked.append((connection, name))
    ...     return usual(connection, module, {"Thing": "Counter"}.get(name, name))
    >>> db.classFactory = find
    >>> other = opened(db)
    >>> thing = other.root()["thing"]
    >>> type(thing).__name__, thing.value.x
    ('Counter', 1)
    >>> {name for where, name in asked if where is other} >= {"Thing", "Holder"}
    True
    """
