"""The operation: what a program does to a database or to a storage, and every outcome that the
specification allows.

An operation is declared once, with all that anybody needs to know of it:

* the step of the model: a pure function from a world and arguments to the outcomes that are
  allowed;
* which arguments make sense in a world (`Argument.choices`, and `sensible` for what they must
  fulfil together);
* the line of Python by which a program does it, which is at once how the suite performs it and what
  a witness shows.

The step reads as the sequence of its clauses, in the order that decides which refusal wins.

There are two tables of operations, one for each part of the specification: what a program does with
databases and connections, and what is done with a storage.  Their worlds are of different nouns,
and their operations have different names, so that a script says by its steps to which it belongs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from zodb_spec.clause import Part, clauses, id_of, tracing
from zodb_spec.editions import EDITIONS, Edition
from zodb_spec.world import Name, Value

Step = tuple[str, ...]
"""One operation with its arguments, as a program takes it: ``("set", "thing1", "a", "one")``."""


class Returned(NamedTuple):
    """The operation passes, and gives the caller something.

    kind   what that is: "nothing", a "value" or "anything"; the very "object" `bind`, or a "new
           object" of that name; a "connection" that the program knows as `bind`, or a "new
           connection"; for a commit, whether it was "committed" or "not recorded"
    bind   the name by which the program knows it from now on; "" if it keeps nothing
    value  what a read came to: the value, or the reference that led to the object; None otherwise
    """

    kind: str = "nothing"
    bind: Name = ""
    value: Value | None = None


class Raised(NamedTuple):
    """The caller gets an error.

    errors    names, one of which some class of the error's MRO has
    recorded  whether a transaction is recorded all the same, None where nothing depends on that
    """

    errors: tuple[str, ...]
    recorded: bool | None = None


class Outcome(NamedTuple):
    """One allowed outcome: the next world, of the nouns of its part, what the caller sees, and the
    clause that says so.
    """

    world: Any
    seen: Any
    clause: str


class Argument(NamedTuple):
    """One argument of an operation.

    name     what it is called
    choices  the values that make sense for it, in a world and after the arguments before it
    """

    name: str
    choices: Callable[..., Sequence[str]]


class Operation(NamedTuple):
    """One row of the table of operations (see the module's text).

    since  the first edition in which programs can do it
    needs  the capability without which a target can't do it, "" for none
    """

    name: str
    arguments: tuple[Argument, ...]
    step: Callable[..., Sequence[Outcome]]
    sensible: Callable[..., bool]
    line: Callable[..., str]
    weight: int
    since: Edition = EDITIONS[0]
    needs: str = ""

    def makes_sense(self, world: Any, arguments: Sequence[str]) -> bool:
        """Whether it can be taken with these arguments in a world."""
        since, now = self.since.number, world.edition.number
        return since <= now and self.sensible(world, *arguments)

    def outcomes(self, world: Any, arguments: Sequence[str]) -> tuple[Sequence[Outcome], list[str]]:
        """The allowed outcomes, and the ids of the clauses that were exercised in finding them."""
        with tracing() as trace:
            found = self.step(world, *arguments)
        for outcome in found:
            if outcome.clause not in trace:
                trace.append(outcome.clause)
        return found, trace


_tables: dict[Part, dict[str, Operation]] = {"connection": {}, "storage": {}}


def operations(part: Part = "connection") -> dict[str, Operation]:
    """The table of operations of a part, by name, in the order in which they were declared."""
    return _tables[part]


def all_operations() -> dict[str, Operation]:
    """The operations of both tables, by name."""
    return {name: found for table in _tables.values() for name, found in table.items()}


def always(world: Any, *arguments: str) -> bool:
    """No condition beyond what the choices of the arguments say."""
    return True


def operation(
    *arguments: Argument,
    line: Callable[..., str],
    sensible: Callable[..., bool] = always,
    weight: int = 1,
    since: Edition = EDITIONS[0],
    needs: str = "",
    part: Part = "connection",
) -> Callable[[Callable[..., Sequence[Outcome]]], Callable[..., Sequence[Outcome]]]:
    """Declare an operation of a table; the function below it is its step of the model.

    Raises ValueError where one of the tables has an operation of that name.
    """

    def decorate(function: Callable[..., Sequence[Outcome]]) -> Callable[..., Sequence[Outcome]]:
        name = function.__name__.rstrip("_").replace("_", "-")
        if name in all_operations():
            raise ValueError(f"there are two operations called {name!r}")
        made = Operation(name, arguments, function, sensible, line, weight, since, needs)
        _tables[part][name] = made
        return function

    return decorate


def refused(world: Any, clause: Callable[..., Any]) -> Outcome:
    """The outcome in which a clause refuses the operation and nothing happens."""
    id = id_of(clause)
    return Outcome(world, Raised(clauses()[id].error), id)


NOTHING = Returned()


def returned(world: Any, clause: Callable[..., Any], seen: Returned = NOTHING) -> Outcome:
    """The outcome in which the operation passes."""
    return Outcome(world, seen, id_of(clause))
