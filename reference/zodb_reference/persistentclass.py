"""Classes that are themselves stored in the database (LIFE-44).

`PersistentMetaClass` gives a class what `persistent.Persistent` gives an instance: an oid, a jar, a
serial, and changes that are noticed. Such a class is never a ghost: it loads its state as soon as
it has both oid and jar, and again as soon as it is invalidated.

Names are looked up on a class before they are looked up on its metaclass, and instances of a
persistent class may be persistent too, which puts `_p_oid` and `__getstate__` on the class. So
everything here is a data descriptor of the metaclass, which wins.
"""

from collections.abc import Callable
from typing import Any

from zodb_reference.oids import z64

_METADATA = "_p_class_metadata"

# Of a class's dictionary, what Python makes for every class by itself.
_MADE_BY_PYTHON = frozenset(["__dict__", "__weakref__"])


def is_persistent_class(value: object) -> bool:
    """Tell whether `value` is a class that has an identity of its own in a database.

    Its metaclass gives it that. The attribute `_p_oid` of a class says nothing: it may serve the
    instances.
    """
    return isinstance(value, type) and hasattr(type(value), "_p_oid")


class _Metadatum:
    """One of the facts that the data manager keeps about a class."""

    def __init__(self, default: Any = None, *, loads: bool = False) -> None:
        self.default = default
        self.loads = loads

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, klass: Any, metaclass: Any) -> Any:
        return self if klass is None else vars(klass)[_METADATA].get(self.name, self.default)

    def __set__(self, klass: Any, value: Any) -> None:
        metadata = vars(klass)[_METADATA]
        if value == metadata.get(self.name):
            return
        metadata[self.name] = value
        if self.loads and klass._p_changed is None and None not in (klass._p_oid, klass._p_jar):
            klass._p_jar.setstate(klass)

    def __delete__(self, klass: Any) -> None:
        vars(klass)[_METADATA].pop(self.name, None)


class _Changed:
    """The flag `_p_changed`: None only until the state has been loaded."""

    def __get__(self, klass: Any, metaclass: Any) -> Any:
        return self if klass is None else vars(klass)[_METADATA]["_p_changed"]

    def __set__(self, klass: Any, value: Any) -> None:
        if value is None:
            return
        if value:
            klass._p_register()
        else:
            vars(klass)[_METADATA]["_p_changed"] = False

    def __delete__(self, klass: Any) -> None:
        klass._p_invalidate()


class _Method:
    """A method of persistent classes, which a method of their instances does not hide."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __get__(self, klass: Any, metaclass: Any) -> Any:
        return self if klass is None else self.function.__get__(klass, metaclass)

    def __set__(self, klass: Any, value: Any) -> None:
        raise AttributeError(f"{self.function.__name__} of a persistent class cannot be replaced")


class PersistentMetaClass(type):
    """The metaclass of persistent classes.

    `_p_changed` of None asks for a class whose state will be loaded when it gets oid and jar.
    """

    _p_oid = _Metadatum(loads=True)
    _p_jar = _Metadatum(loads=True)
    _p_serial = _Metadatum(z64)
    _p_changed = _Changed()

    def __new__(
        cls,
        name: str,
        bases: tuple[type, ...],
        attributes: dict[str, Any],
        _p_changed: bool | None = False,
    ) -> "PersistentMetaClass":
        """Make a class that is not in a database yet."""
        own = {key: value for key, value in attributes.items() if not key.startswith("_p_")}
        own[_METADATA] = {"_p_changed": _p_changed}
        return super().__new__(cls, name, bases, own)

    def __init__(
        cls,
        name: str,
        bases: tuple[type, ...],
        attributes: dict[str, Any],
        _p_changed: bool | None = False,
    ) -> None:
        super().__init__(name, bases, attributes)

    def __setattr__(cls, name: str, value: Any) -> None:
        if not name.startswith(("_p_", "_v_")):
            cls._p_register()
        super().__setattr__(name, value)

    def __delattr__(cls, name: str) -> None:
        if not name.startswith(("_p_", "_v_")):
            cls._p_register()
        super().__delattr__(name)

    @_Method
    def _p_register(cls) -> None:
        """Tell the jar that the class is about to change, as long as it does not know."""
        if cls._p_changed is False and None not in (cls._p_oid, cls._p_jar):
            cls._p_jar.register(cls)
            vars(cls)[_METADATA]["_p_changed"] = True

    @_Method
    def _p_activate(cls) -> None:
        """Load the state if that has failed so far."""
        if cls._p_changed is None:
            cls._p_jar.setstate(cls)

    @_Method
    def _p_deactivate(cls) -> None:
        """Do nothing: a class cannot be a ghost."""

    @_Method
    def _p_invalidate(cls) -> None:
        """Load the state again, at once."""
        vars(cls)[_METADATA]["_p_changed"] = None
        cls._p_jar.setstate(cls)

    @_Method
    def __getnewargs__(cls) -> tuple[Any, ...]:
        return cls.__name__, cls.__bases__, {}, None

    @_Method
    def __getstate__(cls) -> tuple[tuple[type, ...], dict[str, Any]]:
        return cls.__bases__, {
            name: value
            for name, value in vars(cls).items()
            if not name.startswith(("_p_", "_v_")) and name not in _MADE_BY_PYTHON
        }

    @_Method
    def __setstate__(cls, state: tuple[tuple[type, ...], dict[str, Any]]) -> None:
        bases, attributes = state
        if bases != cls.__bases__:
            raise TypeError(f"{cls.__name__} has the bases {cls.__bases__}, not {bases}")
        kept = _MADE_BY_PYTHON | {_METADATA} | attributes.keys()
        for name in [name for name in vars(cls) if name not in kept]:
            super().__delattr__(name)
        for name, value in attributes.items():
            super().__setattr__(name, value)
        vars(cls)[_METADATA]["_p_changed"] = False
