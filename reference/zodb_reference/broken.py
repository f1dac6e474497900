"""Placeholders for objects whose class cannot be imported.

They keep what the record says (the name of the class, the arguments of `__new__`, the state),
refuse to be changed, and are written back as they were, so that the objects are whole again when
the class is back (LIFE-46, SER-16). The attribute names `__Broken_...__` are those that programs of
the ecosystem look at.
"""

import copyreg
import functools
import importlib
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from typing import Any

from persistent import Persistent

from zodb_reference.errors import BrokenModified


def import_global(module: str, name: str) -> Any:
    """Return what `name` is in `module`; names of Python 2's library are translated.

    Raises `ImportError` or `AttributeError` where it is not there.
    """
    if (module, name) == ("ZODB.broken", "rebuild"):
        return rebuild  # that of ZODB would make placeholders of another kind
    module, name = NAME_MAPPING.get((module, name), (module, name))
    module = IMPORT_MAPPING.get(module, module)
    return getattr(importlib.import_module(module), name)


def find_global(module: str, name: str) -> Any:
    """Return what `name` is in `module`, or a subclass of `Broken` in its place."""
    try:
        return import_global(module, name)
    except (ImportError, AttributeError):
        return broken_class(module, name)


# The function by which pickle names the making of an instance by `__new__`.
_newobj = copyreg.__newobj__  # type: ignore[attr-defined]


class Broken:
    """A value, held inside the state of a persistent object, whose class is missing."""

    __Broken_newargs__: tuple[Any, ...] = ()
    __Broken_initargs__: tuple[Any, ...] | None = None
    __Broken_state__: Any = None

    def __new__(cls, *args: Any) -> "Broken":
        """Keep the arguments."""
        broken = object.__new__(cls)
        broken.__dict__["__Broken_newargs__"] = args
        return broken

    def __init__(self, *args: Any) -> None:
        self.__dict__["__Broken_initargs__"] = args

    def __setstate__(self, state: Any) -> None:
        self.__dict__["__Broken_state__"] = state

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what pickle needs to write the value in the way that it was written first."""
        if self.__Broken_initargs__ is None:
            made = _newobj, (type(self), *self.__Broken_newargs__)
        else:
            made = type(self), self.__Broken_initargs__
        return made if self.__Broken_state__ is None else (*made, self.__Broken_state__)

    def __setattr__(self, name: str, value: Any) -> None:
        raise BrokenModified(f"{self!r} cannot be changed until its class can be imported")

    def __delattr__(self, name: str) -> None:
        raise BrokenModified(f"{self!r} cannot be changed until its class can be imported")

    def __repr__(self) -> str:
        return f"<broken {type(self).__module__}.{type(self).__name__} instance>"


class PersistentBroken(Broken, Persistent):
    """A persistent object whose class is missing."""

    # A slot of this prefix outlives the ghost state, which empties the instance's dictionary.
    __slots__ = ("_p_newargs",)

    def __new__(cls, *args: Any) -> "PersistentBroken":
        """Keep the arguments."""
        broken: PersistentBroken = Persistent.__new__(cls)
        Persistent.__setattr__(broken, "_p_newargs", args)
        return broken

    def __getnewargs__(self) -> tuple[Any, ...]:
        # Its presence makes references to this object name the oid alone: they cannot name the
        # class.
        newargs: tuple[Any, ...] = self._p_newargs
        return newargs

    def __getstate__(self) -> Any:
        return self.__Broken_state__

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state)
        self.__dict__["__Broken_newargs__"] = self._p_newargs

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_p_") or (name == "_p_changed" and value):
            super().__setattr__(name, value)
        Persistent.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        if not name.startswith("_p_"):
            super().__delattr__(name)
        Persistent.__delattr__(self, name)

    def __repr__(self) -> str:
        return f"<persistent broken {type(self).__module__}.{type(self).__name__} {self._p_oid!r}>"


@functools.cache
def broken_class(module: str, name: str) -> type[Broken]:
    """Return the placeholder for the class `name` of `module`, always the same one."""
    return type(name, (Broken,), {"__module__": module})


@functools.cache
def persistent_broken_class(klass: type[Broken]) -> type[PersistentBroken]:
    """Return the placeholder for persistent objects that belongs to `klass`."""
    return type(klass.__name__, (PersistentBroken, klass), {"__module__": klass.__module__})


def rebuild(module: str, name: str, *args: Any) -> Any:
    """Make the value that a record of ZODB describes, written while the class was missing."""
    klass = find_global(module, name)
    return klass.__new__(klass, *args)
