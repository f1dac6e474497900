"""Missing classes: objects that outlive the code they were written for.

Where the class of a stored object cannot be imported any more, the object is not lost. It loads
as a *broken* placeholder, which keeps everything that the record says and refuses to be changed,
so that nothing is damaged until the class is back.
"""

from __future__ import annotations

from zodb_spec.clause import MAY, MUST, example


@example("broken.loads-with-its-state", MUST, rules="LIFE-46 SER-16")
def loads_with_its_state() -> None:
    """An object whose class cannot be imported loads as a placeholder: a persistent object whose
    class has the module and the name of the missing one, and whose attribute `__Broken_state__`
    is the state. Objects that it refers to are there, and so is the object that refers to it.

    >>> with lent_class("Gone") as Gone:
    ...     gone = connection.root()["gone"] = Gone()
    ...     gone.a, gone.thing = 1, Thing()
    ...     gone.thing.b = 2
    ...     tm.commit()
    >>> broken = opened(db).root()["gone"]
    >>> broken._p_activate()
    >>> type(broken).__module__, type(broken).__name__
    ('lent', 'Gone')
    >>> broken.__Broken_state__["a"], broken.__Broken_state__["thing"].b
    (1, 2)
    >>> broken._p_oid == gone._p_oid
    True
    """


@example("broken.keeps-new-arguments", MUST, rules="SER-16")
def keeps_new_arguments() -> None:
    """A placeholder keeps the arguments of `__new__` that its record has, as
    `__Broken_newargs__`, for as long as it lives: also when it has been made a ghost.

    >>> with lent_class("Gone", Named) as Gone:
    ...     connection.root()["gone"] = Gone("Jim")
    ...     tm.commit()
    >>> broken = opened(db).root()["gone"]
    >>> broken.__Broken_newargs__
    ('Jim',)
    >>> broken._p_invalidate()
    >>> broken.__Broken_newargs__
    ('Jim',)
    """


@example("broken.refuses-change", MUST, rules="LIFE-46", error="BrokenModified")
def refuses_change() -> None:
    """A placeholder refuses every change of its attributes: what it would be written back as,
    nobody can say while the class is missing. After the refusal it is as it was, and a commit
    stores nothing.

    >>> with lent_class("Gone") as Gone:
    ...     gone = connection.root()["gone"] = Gone()
    ...     gone.a = 1
    ...     tm.commit()
    >>> other = opened(db)
    >>> broken = other.root()["gone"]
    >>> with raises("BrokenModified"):
    ...     broken.a = 2
    >>> with raises("BrokenModified"):
    ...     broken.b = 2
    >>> bool(broken._p_changed)
    False
    >>> other.transaction_manager.commit()
    >>> broken._p_activate()
    >>> broken.__Broken_state__, broken._p_serial == gone._p_serial
    ({'a': 1}, True)
    """


@example("broken.deletion-refused", MUST, rules="LIFE-46", error="BrokenModified AttributeError")
def deletion_refused() -> None:
    """To delete an attribute of a placeholder is a change, and is refused too: the attempt fails,
    and does not mark the object, which could not be stored.

    >>> with lent_class("Gone") as Gone:
    ...     connection.root()["gone"] = Gone()
    ...     connection.root()["gone"].a = 1
    ...     tm.commit()
    >>> other = opened(db)
    >>> broken = other.root()["gone"]
    >>> with raises("BrokenModified", "AttributeError"):
    ...     del broken.a
    >>> bool(broken._p_changed)
    False
    >>> other.root()["thing"] = Thing()
    >>> other.transaction_manager.commit()
    """


@example("broken.may-be-referenced", MAY, rules="LIFE-46 SER-16")
def may_be_referenced() -> None:
    """New records may refer to a placeholder. Where an implementation accepts that, the reference
    leads to the object itself, once its class is back.

    >>> with lent_class("Gone") as Gone:
    ...     connection.root()["gone"] = Gone()
    ...     connection.root()["gone"].a = 1
    ...     tm.commit()
    >>> other = opened(db)
    >>> accepted = False
    >>> with allowing("BrokenModified", "POSError", "PicklingError"):
    ...     other.root()["referrer"] = Thing()
    ...     other.root()["referrer"].gone = other.root()["gone"]
    ...     other.transaction_manager.commit()
    ...     accepted = True
    >>> other.transaction_manager.abort()
    >>> seen = 1, True
    >>> with lent_class("Gone") as Gone:
    ...     root = opened(db).root()
    ...     if accepted:
    ...         seen = root["referrer"].gone.a, root["referrer"].gone is root["gone"]
    >>> seen
    (1, True)
    """


@example("broken.class-restored", MUST, rules="SER-16")
def class_restored() -> None:
    """When the class can be imported again, its objects are whole: connections whose caches have
    not seen the placeholder load them as if nothing had happened. So are those whose referrers
    were stored while the class was missing.

    >>> with lent_class("Gone", Named) as Gone:
    ...     connection.root()["holder"] = Thing()
    ...     gone = connection.root()["holder"].gone = Gone("Jim")
    ...     gone.a = 1
    ...     tm.commit()
    >>> other = opened(db)
    >>> other.root()["holder"].gone.__Broken_state__["a"]
    1
    >>> other.root()["holder"].b = 2
    >>> other.transaction_manager.commit()
    >>> with lent_class("Gone", Named) as Gone:
    ...     whole = opened(db).root()["holder"].gone
    ...     seen = type(whole) is Gone, whole.name, whole.a
    >>> seen
    (True, 'Jim', 1)
    """


@example("broken.value-inside-a-state", MUST, rules="SER-16")
def value_inside_a_state() -> None:
    """A value that is not persistent and whose class is missing is replaced by a placeholder
    inside the state that holds it. The holder can be used and stored; the value is written back
    so that it is whole again once its class is.

    >>> with lent_class("Value", Holder) as Value:
    ...     thing = connection.root()["thing"] = Thing()
    ...     thing.value = Value(x=1)
    ...     tm.commit()
    >>> other = opened(db)
    >>> same = other.root()["thing"]
    >>> type(same.value).__name__, same.value.__Broken_state__
    ('Value', {'x': 1})
    >>> with raises("BrokenModified"):
    ...     same.value.x = 2
    >>> same.a = 1
    >>> other.transaction_manager.commit()
    >>> with lent_class("Value", Holder) as Value:
    ...     whole = opened(db).root()["thing"]
    ...     seen = whole.a, type(whole.value) is Value, whole.value.x
    >>> seen
    (1, True, 1)
    """
