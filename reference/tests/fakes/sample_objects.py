"""The persistent objects of which the tests of connections and commits make their data."""

from persistent import Persistent


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
