"""The few functions that examples and scripts use beside the implementation's own interface.

A witness quotes the source of those that it uses, so each uses nothing but the others and what it
imports itself.
"""

# ruff: noqa: ARG001, D102, N802, PLC0415 -- protocols fix the names; each function stands alone

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def raises(*names: str) -> Iterator[None]:
    """Expect an error, one of whose classes (bases included) has one of the `names`."""
    try:
        yield
    except Exception as error:
        classes = [cls.__name__ for cls in type(error).__mro__]
        if not any(name in classes for name in names):
            raise AssertionError(f"expected {' or '.join(names)}, got {error!r}") from error
    else:
        raise AssertionError(f"expected {' or '.join(names)}, but nothing was raised")


def opened(db: Any, **options: Any) -> Any:
    """A connection of `db` under a transaction manager of its own, its ``transaction_manager``.

    options: what else is given to ``db.open``
    """
    import transaction

    return db.open(transaction_manager=transaction.TransactionManager(), **options)


def tid_of(obj: Any) -> bytes:
    """The tid of the transaction that has stored what the connection of `obj` shows of it."""
    obj._p_activate()
    tid: bytes = obj._p_serial
    return tid


def next_tid(tid: bytes) -> bytes:
    """The first tid that is later than `tid`."""
    return (int.from_bytes(tid, "big") + 1).to_bytes(8, "big")


def moment(tid: bytes) -> Any:
    """The time that a tid says, as a ``datetime`` of UTC without a time zone."""
    from datetime import UTC, datetime

    from persistent.timestamp import TimeStamp

    return datetime.fromtimestamp(TimeStamp(tid).timeTime(), UTC).replace(tzinfo=None)


def offers(thing: Any, calls: str) -> None:
    """Expect that `thing` has these attributes, and methods that can be called like this.

    calls: one on each line, as a program writes it; none is made.
    """
    import ast
    import inspect

    wrong = []
    for line in map(str.strip, calls.strip().splitlines()):
        asked: Any = ast.parse(line, mode="eval").body
        is_call = isinstance(asked, ast.Call)
        name = asked.func.id if is_call else asked.id
        try:
            found = getattr(thing, name)
            if is_call:
                named = {each.arg: each.value for each in asked.keywords}
                try:
                    inspect.signature(found).bind(*asked.args, **named)
                except TypeError:  # what wraps a function may tell how that is called
                    taken = inspect.signature(found, follow_wrapped=False)
                    itself = [found] if next(iter(taken.parameters), "") == "self" else []
                    taken.bind(*itself, *asked.args, **named)
        except AttributeError:
            wrong.append(f"there is no `{line}`")
        except TypeError as error:
            wrong.append(f"`{line}` can't be called: {error}")
        except ValueError:  # it has no signature to look at
            continue
    if wrong:
        raise AssertionError(f"expected all of these to be possible, but {'; '.join(wrong)}")


def imported(connection: Any, oid: bytes) -> Any:
    """What importing an export of the object `oid` gives, on the same connection."""
    with connection.exportFile(oid) as file:
        file.seek(0)
        return connection.importFile(file)


@contextmanager
def allowing(*names: str) -> Iterator[None]:
    """Let an error pass that has one of the `names` (bases included); the block ends there."""
    try:
        yield
    except Exception as error:
        classes = [cls.__name__ for cls in type(error).__mro__]
        if not any(name in classes for name in names):
            raise AssertionError(f"expected at most {' or '.join(names)}, got {error!r}") from error


@contextmanager
def logged(level: str) -> Iterator[list[str]]:
    """What is logged inside the block at `level` or above, even where logging is disabled.

    level: the name of a level, such as ``"ERROR"``.
    """
    import logging

    messages: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    keeper, disabled = Keeper(level), logging.root.manager.disable
    logging.root.addHandler(keeper)
    logging.disable(logging.NOTSET)
    try:
        yield messages
    finally:
        logging.disable(disabled)
        logging.root.removeHandler(keeper)


@contextmanager
def lent_class(name: str, base: type | None = None) -> Iterator[Any]:
    """A class of the module ``lent`` that can be imported inside the block, and not behind it.

    base: what it is a subclass of; `Persistent` where nothing is given.
    """
    import sys
    import types

    from persistent import Persistent

    cls = type(name, (base or Persistent,), {"__module__": "lent"})
    module = sys.modules.setdefault("lent", types.ModuleType("lent"))
    setattr(module, name, cls)
    try:
        yield cls
    finally:
        delattr(module, name)
        if all(left.startswith("__") for left in vars(module)):
            del sys.modules["lent"]


def record(description: Any, state: Any, protocol: int = 3) -> bytes:
    """A data record made by hand; ``("ref", form)`` in it stands for a reference of that form."""
    import io
    import pickle

    class Pickler(pickle.Pickler):
        def persistent_id(self, value: Any) -> Any:
            is_reference = type(value) is tuple and len(value) == 2 and value[0] == "ref"
            return value[1] if is_reference else None

    file = io.BytesIO()
    pickler = Pickler(file, protocol)
    pickler.dump(description)
    pickler.dump(state)
    return file.getvalue()


def parts(data: bytes) -> tuple[Any, Any]:
    """The class description and the state of a data record; references as `record` takes them."""
    import io
    import pickle

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, form: Any) -> Any:
            return "ref", form

    unpickler = Unpickler(io.BytesIO(data))
    return unpickler.load(), unpickler.load()


def pickles(data: bytes) -> list[bytes]:
    """The pickles that `data` consists of, one after the other."""
    import io
    import pickletools

    file, found = io.BytesIO(data), []
    while (start := file.tell()) < len(data):
        for _ in pickletools.genops(file):
            pass
        found.append(data[start : file.tell()])
    return found


def fail() -> None:
    """Fail with an error of a kind that no implementation knows."""

    class Failure(Exception):
        pass

    raise Failure("this was meant to fail")


class Participant:
    """A data manager that notes in `calls` what a transaction asks of it, and its own name, which
    says where it comes among all that take part: "" is the first, and chr(0x10FFFF) the last.

    doing: what it does in a call, by the name of the call: a function without arguments.
    """

    def __init__(self, name: str, calls: list[str], **doing: Any) -> None:
        self.name, self.calls, self.doing = name, calls, doing

    def sortKey(self) -> str:
        return self.name

    def __getattr__(self, call: str) -> Any:
        if call not in ("abort", "commit", "tpc_abort", "tpc_begin", "tpc_finish", "tpc_vote"):
            raise AttributeError(call)

        def note(transaction: Any) -> None:
            self.calls.append(f"{call} {self.name}")
            self.doing.get(call, lambda: None)()

        return note


class Synchronizer:
    """An object that notes in `calls` how a transaction manager tells it of transactions."""

    def __init__(self, calls: list[str]) -> None:
        self.calls = calls

    def newTransaction(self, transaction: Any) -> None:
        self.calls.append("new")

    def beforeCompletion(self, transaction: Any) -> None:
        self.calls.append("before")

    def afterCompletion(self, transaction: Any) -> None:
        self.calls.append("after")


def record_of(db: Any, oid: bytes, version: str = "") -> tuple[bytes, str, Any]:
    """The current record of `oid`, taken apart: tid, name of the class, state.

    version: the one that it is looked at in, "" for the trunk.

    A reference in the state comes as ``("reference", what stands in the record)``.  Raises KeyError
    where there is no record.
    """
    import io
    import pickle

    class Reader(pickle.Unpickler):
        def persistent_load(self, reference: Any) -> Any:
            return "reference", reference

    if version:
        found = db.storage.load(oid, version)
    else:
        found = db.storage.loadBefore(oid, b"\x7f" + b"\xff" * 7)
    if found is None:
        raise KeyError(oid)
    reader = Reader(io.BytesIO(found[0]))
    cls = reader.load()
    if isinstance(cls, tuple):
        cls = cls[0]
    return found[1], getattr(cls, "__name__", cls), reader.load()


class Saboteur:
    """A data manager that fails in one phase of the commit, before or after all others."""

    def __init__(self, phase: str, order: str) -> None:
        self.phase, self.order = phase, order

    def sortKey(self) -> str:
        return "" if self.order == "before" else chr(0x10FFFF)

    def _turn(self, phase: str) -> None:
        class Sabotage(Exception):
            pass

        if phase == self.phase:
            raise Sabotage(f"a data manager fails in {phase}")

    def tpc_begin(self, transaction: Any) -> None:
        self._turn("tpc_begin")

    def commit(self, transaction: Any) -> None:
        self._turn("commit")

    def tpc_vote(self, transaction: Any) -> None:
        self._turn("tpc_vote")

    def tpc_finish(self, transaction: Any) -> None:
        self._turn("tpc_finish")

    def tpc_abort(self, transaction: Any) -> None:
        pass

    def abort(self, transaction: Any) -> None:
        pass
