"""What the site publishes of the specification, gathered from the code that states it."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any, NamedTuple, TypeVar

from zodb_conformance.mixes import MIXES
from zodb_conformance.stories import MARKER, TOLD_IN, Story
from zodb_conformance.targets import CAPABILITIES
from zodb_spec import answers, contents, script
from zodb_spec.clause import CHAPTERS, STORAGE_PART, Clause
from zodb_spec.editions import CURRENT, EDITIONS, Edition
from zodb_spec.operation import Operation, all_operations, operations
from zodb_spec.situations import situations

ROOT = Path(__file__).parents[2]
SCRIPTS, STEPS, MOST_LINES, WIDEST_LINE = 2600, 60, 4, 90


Found = TypeVar("Found")


def listed(pairs: Iterable[tuple[str, Found]]) -> dict[str, list[Found]]:
    """What belongs to each name, in the order in which it comes."""
    found: dict[str, list[Found]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


# The rule catalogue.


class Rule(NamedTuple):
    """A row of the rule catalogue; `owner` is the piece of work that the row belongs to."""

    id: str
    level: str
    binds: str
    text: str
    owner: str
    section: str


def catalogue(text: str) -> dict[str, Rule]:
    """The rows of the catalogue, by id, in its order."""
    found, section = {}, ""
    for line in text.splitlines():
        if line.startswith("## "):
            section = re.sub(r"^\S+ — \w+\. | \(\d+\)$", "", line.removeprefix("## "))
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if re.fullmatch(r"\| *[A-Z]+-\d+.*\|", line) and len(cells) == 8:
            id, level, binds, rule, _errors, _source, owner, _marks = cells
            found[id] = Rule(id, level, binds, rule, owner, section)
    return found


# Clauses.


@dataclass(frozen=True)
class Chapter:
    """A chapter: the name of its module, the part to which it belongs, its title, what it is about,
    its text, its clauses.
    """

    name: str
    part: str
    title: str
    about: str
    intro: str
    clauses: tuple[Clause, ...]


def chapters(clauses: Iterable[Clause]) -> list[Chapter]:
    """The chapters, in the order in which they are read."""
    every = list(clauses)
    found = []
    for module in contents.CHAPTERS:
        first, _, intro = inspect.cleandoc(module.__doc__ or "").partition("\n\n")
        title, _, about = " ".join(first.split()).rstrip(".").partition(": ")
        own = tuple(c for c in every if c.function.__module__ == module.__name__)
        name = module.__name__.removeprefix(CHAPTERS)
        part = "storage" if module.__name__.startswith(STORAGE_PART) else "connection"
        found.append(Chapter(name, part, title, about, intro, own))
    return found


def prose(clause: Clause) -> str:
    """The text of a clause without its examples."""
    return clause.text.partition(">>>")[0].strip()


def code(function: Any) -> str:
    """The code of a function without docstring and decorators, which are published already."""
    source = textwrap.dedent(inspect.getsource(function))
    tree = ast.parse(source).body[0]
    assert isinstance(tree, ast.FunctionDef)
    lines = source.rstrip().splitlines()
    first = tree.body[0]
    if ast.get_docstring(tree) is not None:
        lines[first.lineno - 1 : first.end_lineno] = [] if len(tree.body) > 1 else ["    ..."]
    return "\n".join(lines[tree.lineno - 1 :])


def place(function: Any) -> str:
    """Where a function is stated: the path in the repository, and the line."""
    function = inspect.unwrap(function)
    path = Path(inspect.getsourcefile(function) or "").resolve().relative_to(ROOT)
    return f"{path}:{inspect.getsourcelines(function)[1]}"


def letter(edition: Edition) -> str:
    """The letter by which the catalogue calls an edition."""
    return {"A_PRIME": "A'", "CURRENT": "T"}.get(edition.name, edition.name)


def in_force(clause: Clause) -> str:
    """The editions of a clause, in words."""
    if clause.editions == EDITIONS:
        return "every edition"
    first, last = clause.editions[0], clause.editions[-1]
    if last is CURRENT:
        return f"since {first.value}" if first is not CURRENT else "the current edition"
    return f"{first.value} to {last.value}" if first is not last else f"{first.value} alone"


def common_editions(clauses: Iterable[Clause]) -> str:
    """The editions of clauses that are all in force in the same ones, in words; "" where they are
    not, or are in every edition.
    """
    found = {in_force(clause) for clause in clauses if clause.editions != EDITIONS}
    everywhere = any(clause.editions == EDITIONS for clause in clauses)
    return found.pop() if len(found) == 1 and not everywhere else ""


def by_range(clauses: Iterable[Clause]) -> list[tuple[str, list[Clause]]]:
    """The clauses that are not in every edition, by the editions in which they are in force: those
    that ended first come first.
    """
    found = [clause for clause in clauses if clause.editions != EDITIONS]
    found.sort(key=lambda clause: (clause.editions[-1], clause.editions[0]))
    return list(listed((in_force(clause), clause) for clause in found).items())


def stated_in(edition: Edition, clauses: Iterable[Clause]) -> list[Clause]:
    """The clauses that are in force in an edition."""
    return [clause for clause in clauses if edition in clause.editions]


# What is missing.


def gaps_of_clause(clause: Clause, rules: Mapping[str, Rule]) -> Iterator[str]:
    """What a clause owes its reader."""
    if not prose(clause):
        yield f"clause {clause.id} has examples, but no text"
    for kind, names, known in (
        ("rule", clause.rules, rules),
        ("situation", clause.situations, situations()),
        ("capability", (*clause.needs, *clause.without), CAPABILITIES),
    ):
        for name in names:
            if name not in known:
                yield f"clause {clause.id} names an unknown {kind} {name}"


def gaps_of_catalogue(
    rules: Mapping[str, Rule],
    covering: Mapping[str, list[str]],
) -> Iterator[str]:
    """What the index of the rules owes its reader."""
    for rule in rules.values():
        if (
            rule.owner in answers.STATED
            and rule.id not in covering
            and rule.id not in answers.ANSWERS
        ):
            yield f"rule {rule.id} is neither covered by a clause nor answered"
    for id in answers.ANSWERS:
        if id not in rules:
            yield f"there is an answer to an unknown rule {id}"


# Stories.


def with_clauses(story: Story) -> str:
    """The text of a story, with a line in place of each comment that says what it is about, or in
    which editions it is told.
    """
    # What every part needs is said once, where the editions are told.
    said: frozenset[str] = frozenset()
    if story.parts and TOLD_IN.search(story.text):
        said = frozenset.intersection(*(part.needs for part in story.parts))

    def line(found: re.Match[str]) -> str:
        clauses = " ".join(f":clause:`{id}`" for id in found["clauses"].split())
        needs = [need for need in (found["needs"] or "").split() if need not in said]
        only = f" (where the target declares {' and '.join(needs)})" if needs else ""
        return f".. rst-class:: story-clauses\n\n{clauses}{only}"

    def when(found: re.Match[str]) -> str:
        first, last = found["first"], found["last"]
        editions = f"editions {first} to {last}" if last else f"edition {first}"
        if first == CURRENT.value:
            editions = "current edition"
        only = f", where the target declares {' and '.join(sorted(said))}" if said else ""
        return f".. rst-class:: story-clauses\n\nTold in the {editions}{only}."

    return MARKER.sub(line, TOLD_IN.sub(when, story.text))


# Operations.


class Sample(NamedTuple):
    """What became of an operation in scripts that were performed on the model alone."""

    clauses: tuple[str, ...]
    lines: tuple[str, ...]


def samples(order: Iterable[str]) -> dict[str, Sample]:
    """Which clauses each operation exercises, and examples of its line of Python.

    order: the ids of the clauses, in the order in which they are given back
    """
    clauses: dict[str, set[str]] = {name: set() for name in all_operations()}
    lines: dict[str, dict[str, str]] = {name: {} for name in all_operations()}
    for number in range(SCRIPTS):
        for operation, trace, line in _performed(number):
            clauses[operation.name].update(trace)
            lines[operation.name].setdefault(re.sub(r"'?\w+'?", "", line), line)
    known = list(order)
    return {
        name: Sample(
            tuple(id for id in known if id in clauses[name]),
            _narrow(lines[name].values())[:MOST_LINES],
        )
        for name in all_operations()
    }


def _narrow(lines: Collection[str]) -> tuple[str, ...]:
    """The lines that a page has room for, or else the shortest of all."""
    narrow = tuple(line for line in lines if len(line) <= WIDEST_LINE)
    return narrow or tuple(sorted(lines, key=len)[:1])


def _performed(seed: int) -> Iterator[tuple[Operation, list[str], str]]:
    random = Random(seed)
    turn, which = divmod(seed, len(MIXES))
    mix = list(MIXES.values())[which]
    world = script.initial_of(
        mix.part,
        resolves=turn % 2 == 0,
        edition=mix.edition or EDITIONS[-1 - turn % len(EDITIONS)],
        versions=mix.needs == "versions",
    )
    choice = mix.choice()
    steps: list[Any] = [*mix.prelude(turn), *[None] * STEPS]
    for number, given in enumerate(steps, 1):
        world = world._replace(step=number)
        drawn = [random.randrange(1 << 16) for _ in range(script.WIDTH)]
        step = given or script.resolve(world, drawn, choice)
        if step is None or not script.makes_sense(world, step):
            continue
        operation = operations(mix.part)[step[0]]
        outcomes, trace = operation.outcomes(world, step[1:])
        yield operation, trace, operation.line(world, *step[1:])
        world = random.choice(outcomes).world


# Nouns.


class Noun(NamedTuple):
    """A class of the model: what it is, and its fields, each with its type and meaning."""

    name: str
    text: str
    fields: tuple[tuple[str, str, str], ...]


def nouns(module: ModuleType) -> Iterator[Noun]:
    """The named tuples of a module, in the order in which they are defined."""
    classes = [
        (name, value)
        for name, value in vars(module).items()
        if isinstance(value, type) and not name.startswith("_")
    ]
    for name, value in classes:
        if value.__module__ == module.__name__ and hasattr(value, "_fields"):
            text, meanings = described(inspect.cleandoc(value.__doc__ or ""))
            types = {
                field: kind
                for each in reversed(value.__mro__)
                for field, kind in inspect.get_annotations(each).items()
            }
            fields = tuple(
                (field, types[field].__forward_arg__, meanings.get(field, ""))
                for field in value._fields
            )
            yield Noun(name, text, fields)


def described(docstring: str) -> tuple[str, dict[str, str]]:
    """A docstring, taken apart into its text and the lines of the form `name  meaning`."""
    text, meanings, last = [], {}, ""
    for line in docstring.splitlines():
        found = re.fullmatch(r"(\w+) {2,}(\S.*)", line)
        if found:
            last = found[1]
            meanings[last] = found[2]
        elif last and line.startswith(" "):
            meanings[last] += f" {line.strip()}"
        else:
            last = ""
            text.append(line)
    return "\n".join(text).strip(), meanings


def module_text(name: str) -> str:
    """The docstring of a module, without its first line."""
    return inspect.cleandoc(sys.modules[name].__doc__ or "").partition("\n\n")[2]


def call(name: str, value: object) -> str:
    """How a name is used: with its arguments, where it is a function."""
    if isinstance(value, type) or not callable(value):
        return name
    given = inspect.signature(value).parameters.values()
    bare = [each.replace(annotation=inspect.Parameter.empty) for each in given]
    return f"{name}{inspect.Signature(bare)}"


def summary(value: object) -> str:
    """The first paragraph of what a function or class says of itself."""
    return " ".join((inspect.getdoc(value) or "").partition("\n\n")[0].split())
