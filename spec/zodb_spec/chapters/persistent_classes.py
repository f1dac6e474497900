"""Persistent classes: classes that live in the database.

A class whose meta class is `PersistentMetaClass` is itself a persistent object: it is stored
where it is reached, and its attributes change with transactions. Its module is no module that can
be imported, so a class factory has to find it for the records of its instances.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example


@example("persistent-class.stored-as-an-object", MUST, rules="LIFE-44", needs="persistent-classes")
def stored_as_an_object() -> None:
    """A persistent class is stored as an object of its own: it gets an oid and a jar when it is
    reached, and another connection has a class of its own for that oid.

    >>> C = PersistentMetaClass("C", (object,), {"__module__": "elsewhere", "kind": "plain"})
    >>> C._p_jar, C._p_oid
    (None, None)
    >>> connection.root()["C"] = C
    >>> tm.commit()
    >>> C._p_jar is connection
    True
    >>> same = opened(db).root()["C"]
    >>> same is C, same._p_oid == C._p_oid, same.__name__, same.kind
    (False, True, 'C', 'plain')
    """


@example("persistent-class.is-never-a-ghost", MUST, rules="LIFE-44", needs="persistent-classes")
def is_never_a_ghost() -> None:
    """A persistent class cannot be a ghost, because Python needs its attributes at any time. It
    is loaded at once, is not deactivated, and where another transaction has changed it, it is
    loaded again at the next boundary.

    >>> C = PersistentMetaClass("C", (object,), {"__module__": "elsewhere", "kind": "plain"})
    >>> connection.root()["C"] = C
    >>> tm.commit()
    >>> other = opened(db)
    >>> same = other.root()["C"]
    >>> same._p_changed
    False
    >>> same._p_deactivate()
    >>> same._p_changed, vars(same)["kind"]
    (False, 'plain')
    >>> C.kind = "other"
    >>> C._p_changed
    True
    >>> tm.commit()
    >>> vars(same)["kind"]
    'plain'
    >>> other.sync()
    >>> same._p_changed, vars(same)["kind"]
    (False, 'other')
    """


@example("persistent-class.abort-reloads", MUST, rules="LIFE-44", needs="persistent-classes")
def abort_reloads() -> None:
    """An abort loads the state of a changed persistent class again at once: attributes that were
    set have their old values, and those that were new are gone.

    >>> C = PersistentMetaClass("C", (object,), {"__module__": "elsewhere", "kind": "plain"})
    >>> connection.root()["C"] = C
    >>> tm.commit()
    >>> C.kind, C.size = "other", 3
    >>> tm.abort()
    >>> vars(C)["kind"], "size" in vars(C), C._p_changed
    ('plain', False, False)
    """


@example(
    "persistent-class.instances",
    MUST,
    rules="SER-2 SER-6 SER-11",
    needs="persistent-classes class-factory raw-records",
)
def instances() -> None:
    """The record of a persistent object whose class is a persistent class describes the class by
    its module and name, which the class factory of the database resolves when the object is
    loaded; with the arguments of `__new__`, where the class has `__getnewargs__`. The persistent
    class itself is referred to by its oid alone.

    >>> root = connection.root()
    >>> root["P"] = PersistentMetaClass("P", (Persistent,), {"__module__": "elsewhere", "size": 3})
    >>> root["holder"] = Thing()
    >>> root["holder"].instance = root["P"]()
    >>> root["holder"].instance.a = 1
    >>> tm.commit()
    >>> parts(stored(db, root["holder"].instance._p_oid)[0])
    ((('elsewhere', 'P'), None), {'a': 1})
    >>> parts(stored(db, root._p_oid)[0])[1]["data"]["P"] == ("ref", root["P"]._p_oid)
    True
    >>> root["Q"] = PersistentMetaClass("Q", (Named,), {"__module__": "elsewhere"})
    >>> root["holder"].other = root["Q"]("Jim")
    >>> tm.commit()
    >>> parts(stored(db, root["holder"].other._p_oid)[0])[0]
    (('elsewhere', 'Q'), ('Jim',))
    >>> usual = db.classFactory
    >>> def find(connection, module, name):
    ...     if module == "elsewhere":
    ...         return connection.root()[name]
    ...     return usual(connection, module, name)
    >>> db.classFactory = find
    >>> other = opened(db)
    >>> same = other.root()["holder"].instance
    >>> same.a, same.size, type(same) is other.root()["P"]
    (1, 3, True)
    """
