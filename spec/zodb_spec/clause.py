"""The clause, the unit of the specification: one rule, one readable id, one text, executed where
that is possible.

A clause is a function.  Its docstring is the normative text that is published, and the function is
that text again, as a program.  There are five kinds:

* a **step** is part of an operation of the model: a pure function that an operation calls on its
  way; calling it is what *exercises* the clause, whether it lets the operation pass or refuses it;
* a **law** is a predicate over a whole world, or over a step: the world before it, the resolved
  step, and its outcome; it holds after every step;
* an **example** is a doctest in the docstring, for a fact of the interface that needs no model;
* a **crash** is a predicate over what a storage had told before its process was killed, or the
  power failed, and what is found when it is opened again (`zodb_spec.crash`);
* a **text** is a duty of the calling program, or something that nobody can observe: there is
  nothing to execute.

While an operation runs, every clause that it calls is noted in a *trace* (`tracing`), so that the
outcome of the operation can say which clauses it rests on.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import (
    Any,
    Literal,
    ParamSpec,
    Protocol,
    TypedDict,
    TypeVar,
    Unpack,
    cast,
)

from zodb_spec.editions import CURRENT, EDITIONS, Edition

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])
Kind = Literal["step", "law", "example", "crash", "text"]
Binds = Literal["storage", "connection", "dependency", "caller", "unobservable"]
Part = Literal["storage", "connection"]

CHAPTERS = "zodb_spec.chapters."
STORAGE_PART = f"{CHAPTERS}storage."
"""Where the modules of the part on the storage protocol are found."""

STORAGE_ALONE = "storage-alone"
"""The capability that every clause on the storage protocol needs."""

ID = re.compile(r"[a-z]+(-[a-z]+)*\.[a-z0-9]+(-[a-z0-9]+)*")


class Level(Enum):
    """How strong the main statement of a clause is, as in RFC 2119."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


MUST, SHOULD, MAY = Level.MUST, Level.SHOULD, Level.MAY


@dataclass(frozen=True, eq=False)
class Clause:
    """One rule of the specification.

    id          dotted and readable, ``chapter.rule``; never changes and is never reused
    kind        how it is executed: step, law, example, crash or text
    level       MUST, SHOULD or MAY
    binds       who can break it: the storage, the connection level, a dependency, or only the
                caller
    rules       the rows of the rule catalogue that it covers
    error       names of the errors by which an implementation may refuse (any class of the error's
                MRO counts)
    editions    the editions in which it is in force
    needs       capabilities without which it does not apply
    without     capabilities with which it does not apply: it says what those must do who lack them
    situations  names of the situations (`zodb_spec.situations`) in which it is known to be hard to
                obey
    function    the text, executed
    """

    id: str
    kind: Kind
    level: Level
    binds: Binds
    rules: tuple[str, ...]
    error: tuple[str, ...]
    editions: tuple[Edition, ...]
    needs: tuple[str, ...]
    without: tuple[str, ...]
    situations: tuple[str, ...]
    function: Callable[..., Any] = field(repr=False)

    @property
    def text(self) -> str:
        """The normative text: the docstring, with its examples where it has some."""
        return inspect.cleandoc(self.function.__doc__ or "")

    @property
    def summary(self) -> str:
        """The first paragraph of the text, in one line."""
        return " ".join(self.text.split("\n\n")[0].split())

    @property
    def chapter(self) -> str:
        """The name of the chapter that states it: that of its module, ``storage.`` first where it
        belongs to that part.
        """
        return self.function.__module__.removeprefix(CHAPTERS)

    @property
    def part(self) -> Part:
        """What it speaks of: the protocol of a storage, or the connections and databases above."""
        return part_of(self.function)

    @property
    def source(self) -> str:
        """The code of the function, as written."""
        return inspect.getsource(self.function)


_registry: dict[str, Clause] = {}
_traces: list[list[str]] = []


def clauses() -> Mapping[str, Clause]:
    """All clauses that have been stated, by id; for the order in which they are read, see
    `zodb_spec.contents`.
    """
    return _registry


class tracing:  # noqa: N801  # a class for its speed: every step of the model enters it
    """Note the ids of the clauses that are called inside the block, in order, in the list that is
    given.
    """

    def __enter__(self) -> list[str]:
        trace: list[str] = []
        _traces.append(trace)
        return trace

    def __exit__(self, *error: object) -> None:
        _traces.pop()


class Options(TypedDict, total=False):
    """What can be said of a clause beside its id and level (see `Clause`).

    rules       rows of the rule catalogue, separated by spaces
    binds       the connection level where nothing is said, or the storage in that part
    error       names of errors, separated by spaces
    since       the first edition in which it is in force; where nothing is said the oldest, or the
                current one in the part on the storage protocol
    until       the last one, the current where nothing is said
    needs       names of capabilities, separated by spaces
    without     likewise, those with which it does not apply
    situations  names of situations, separated by spaces
    """

    rules: str
    binds: Binds
    error: str
    since: Edition
    until: Edition
    needs: str
    without: str
    situations: str


def part_of(function: Callable[..., Any]) -> Part:
    """The part of the specification to which a clause belongs that a function states."""
    return "storage" if function.__module__.startswith(STORAGE_PART) else "connection"


def _state(
    kind: Kind, id: str, level: Level, function: Callable[..., Any], options: Options
) -> None:
    if not ID.fullmatch(id):
        raise ValueError(
            f"clause id {id!r}: write it as chapter.rule, in small letters and hyphens"
        )
    if id in _registry:
        taken = _registry[id].function.__qualname__
        raise ValueError(f"clause id {id!r} is taken by {taken}")
    if not inspect.getdoc(function):
        raise ValueError(f"clause {id!r} has no text: its docstring is what gets published")
    part = part_of(function)
    since = options.get("since", CURRENT if part == "storage" else EDITIONS[0])
    until = options.get("until", CURRENT)
    alone = (STORAGE_ALONE,) if part == "storage" else ()
    _registry[id] = Clause(
        id=id,
        kind=kind,
        level=level,
        binds=options.get("binds", part),
        rules=tuple(options.get("rules", "").split()),
        error=tuple(options.get("error", "").split()),
        editions=tuple(edition for edition in EDITIONS if since <= edition <= until),
        needs=(*alone, *options.get("needs", "").split()),
        without=tuple(options.get("without", "").split()),
        situations=tuple(options.get("situations", "").split()),
        function=function,
    )


def step(
    id: str, level: Level, **options: Unpack[Options]
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """State a clause as a step of the model; to call the function is to exercise the clause."""

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        @functools.wraps(function)
        def exercised(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
            if _traces:
                _traces[-1].append(id)
            return function(*args, **kwargs)

        _state("step", id, level, function, options)
        exercised.clause = id  # type: ignore[attr-defined]  # how an outcome names its clause
        return cast("Callable[Parameters, Result]", exercised)

    return decorate


class Plain(Protocol):
    """A decorator that states a clause and leaves the function as it is."""

    def __call__(
        self, id: str, level: Level, **options: Unpack[Options]
    ) -> Callable[[AnyFunction], AnyFunction]:
        """Give the decorator for one clause."""


def _plain(kind: Kind) -> Plain:
    def state(
        id: str, level: Level, **options: Unpack[Options]
    ) -> Callable[[AnyFunction], AnyFunction]:
        def decorate(function: AnyFunction) -> AnyFunction:
            _state(kind, id, level, function, options)
            function.clause = id  # type: ignore[attr-defined]
            return function

        return decorate

    article = "an" if kind == "example" else "a"
    state.__doc__ = f"State a clause as {article} {kind} (see the module's text)."
    return state


law = _plain("law")
example = _plain("example")
crash = _plain("crash")
text = _plain("text")


def in_force(function: Callable[..., Any], edition: Edition) -> bool:
    """Whether the clause that a function states is in force in an edition."""
    return edition in _registry[id_of(function)].editions


def id_of(function: Callable[..., Any]) -> str:
    """The id of the clause that a function states."""
    id: str = function.clause  # type: ignore[attr-defined]
    return id
