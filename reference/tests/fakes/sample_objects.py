"""The persistent objects of which the tests of connections and commits make their data."""

from persistent import Persistent
from zodb_reference.oids import z64


class Item(Persistent):
    """An object with whatever attributes a test gives it."""


class Hooked(Persistent):
    """Calls a function when its state is asked for."""

    _v_hook = None

    def __getstate__(self):
        state = super().__getstate__()
        if self._v_hook is not None:
            self._v_hook()
        return state


class Named(Persistent):
    """Its class and arguments are in its own record only."""

    def __new__(cls, name):
        made = super().__new__(cls)
        made.name = name
        return made

    def __getnewargs__(self):
        return (self.name,)


def new(x, **more):
    """An object that is in no database yet, with these attributes."""
    item = Item()
    vars(item).update(x=x, **more)
    return item


def is_unsaved(obj):
    """Whether nothing tells that an object has ever been in a database."""
    return (obj._p_jar, obj._p_oid, obj._p_serial, obj._p_changed) == (None, None, z64, False)
