"""The classes with one peculiarity each, which examples store beside the ordinary ones of `things`.

A witness quotes their sources, so they use nothing but each other and what is imported here.  What
an example wants to vary, it patches inside a block, so that nothing is left behind.
"""

# ruff: noqa: D102 -- what a class is for, its own text says

from __future__ import annotations

from typing import Any

from persistent import Persistent


class Boxed(Persistent):
    """A persistent object whose whole state is one value, its content."""

    content: Any = "never loaded"

    def __init__(self, content: Any) -> None:
        self.content = content

    def __getstate__(self) -> Any:
        return self.content

    def __setstate__(self, state: Any) -> None:
        self.__dict__["content"] = state

    def __reduce__(self) -> Any:
        raise TypeError("a persistent object is stored by its state, and not reduced")


class Busy(Persistent):
    """A persistent object that does something while it is stored: calls its `_v_task`, once."""

    def __getstate__(self) -> Any:
        task = self.__dict__.pop("_v_task", None)
        if task is not None:
            task()
        return Persistent.__getstate__(self)


class Stubborn(Persistent):
    """A persistent object that does not take its state while its class has a `refusal`."""

    refusal: Exception | None = None

    def __setstate__(self, state: Any) -> None:
        if self.refusal is not None:
            raise self.refusal
        Persistent.__setstate__(self, state)


class Eager(Persistent):
    """A persistent object that loads itself as soon as it is invalidated."""

    def _p_invalidate(self) -> None:
        Persistent._p_invalidate(self)
        self._p_activate()


class Clinging(Persistent):
    """A persistent object that stays loaded when it is asked to become a ghost."""

    def _p_deactivate(self) -> None:
        pass


class Slotted(Persistent):
    """A persistent object with slots and without a dictionary."""

    __slots__ = ("_p_slot", "_v_slot", "slot")


class Asked(Persistent):
    """A persistent object that answers `questions` while a conflict on it is resolved.

    Each question is a Python expression over `self`, `old`, `committed` and `new`.  The answers,
    each the `repr` of a value or the name of an error, become its attribute `answers`.
    """

    def _p_resolveConflict(
        self, old: dict[str, Any], committed: dict[str, Any], new: dict[str, Any]
    ) -> dict[str, Any]:
        names = {"self": self, "old": old, "committed": committed, "new": new}
        answers = []
        for question in new["questions"]:
            try:
                answers.append(repr(eval(question, dict(names))))
            except Exception as error:  # noqa: BLE001  # any error is an answer
                answers.append(type(error).__name__)
        return dict(committed, answers=answers)


class AskedByName(Asked):
    """The same, made by ``__new__`` with an argument."""

    name: str

    def __new__(cls, name: str) -> AskedByName:
        self: AskedByName = Persistent.__new__(cls)
        self.name = name
        return self

    def __getnewargs__(self) -> tuple[str]:
        return (self.name,)


class Quarrelsome(Persistent):
    """A persistent object whose conflicts cannot be resolved: its resolver fails."""

    def _p_resolveConflict(self, old: Any, committed: Any, new: Any) -> Any:
        raise ZeroDivisionError("this resolver never works")


class Pretender:
    """A class that is not persistent, with attributes as if it were."""

    _p_oid: Any = None
    _p_jar: Any = None


class Engraved(Persistent):
    """A persistent object with a text that the arguments of ``__new__`` carry, not its state."""

    __slots__ = ("_p_text", "a")

    def __new__(cls, text: str) -> Engraved:
        self: Engraved = Persistent.__new__(cls)
        self._p_text = text
        return self

    def __getnewargs__(self) -> tuple[str]:
        return (self._p_text,)
