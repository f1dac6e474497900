"""Stories: chapters that a person reads first, and that are performed on the target as they stand.

A story is a file beside this module: reStructuredText, with a title, sections, and lines as
doctests write them.  Two comments, each on a line of its own, say what the lines are about::

    .. clauses: isolation.first-committer-wins isolation.conflict-reloads
    .. needs: conflict-resolution

The first begins a *part* of the story: where one of the lines up to the next such comment fails,
the verdict falls on the first clause that it names; where all of them hold, each of its clauses
has been exercised.  The second makes the part conditional: a target that does not declare these
capabilities is not told it, so nothing that comes later may build on it.

A story that is not told in every edition says so in a third comment, before the first part: an
edition, or the first and the last one::

    .. editions: 2005-06-17 to current

A story is about databases and their connections, or about a storage alone; which of them, its
clauses say.  The name of a story is that of its file, without the number that puts the stories in
order; that of one about a storage begins with ``storage-``.
"""

from __future__ import annotations

import doctest
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from zodb_spec.clause import Part as PartOfSpec
from zodb_spec.clause import clauses
from zodb_spec.editions import EDITIONS, Edition

from zodb_conformance.doctests import Failure, perform, program, source_of
from zodb_conformance.openings import OPENINGS
from zodb_conformance.results import Deviation, Recorder
from zodb_conformance.targets.base import Target

MARKER = re.compile(
    r"^\.\. clauses: (?P<clauses>.+(?:\n   .+)*)(?:\n\.\. needs: (?P<needs>.+))?$", re.MULTILINE
)
"""Where a part begins: its clauses, over several lines if need be, and the capabilities."""

TOLD_IN = re.compile(r"^\.\. editions: (?P<first>\S+)(?: to (?P<last>\S+))?$", re.MULTILINE)
"""Where a story says in which editions it is told."""


@dataclass(frozen=True)
class Part:
    """What lies between one comment and the next.

    number   which part of the story it is, from 1
    clauses  the ids of the clauses that it tells; the first gets the verdict
    needs    capabilities without which it is not told
    lines    what is performed
    """

    number: int
    clauses: tuple[str, ...]
    needs: frozenset[str]
    lines: tuple[doctest.Example, ...]


@dataclass(frozen=True)
class Story:
    """A story: its name, its title, its whole text, the parts in it, and the editions in which it
    is told.
    """

    name: str
    title: str
    text: str
    parts: tuple[Part, ...]
    editions: tuple[Edition, ...]

    @property
    def about(self) -> PartOfSpec:
        """Of what it tells: of databases and connections, or of a storage."""
        return clauses()[self.parts[0].clauses[0]].part

    @property
    def check(self) -> str:
        """The name of the check that performs it."""
        return f"story.{self.name}"


@cache
def stories() -> Mapping[str, Story]:
    """All stories by name, in the order in which they are read."""
    found = sorted(
        (path for path in files(__name__).iterdir() if path.name.endswith(".rst")),
        key=lambda path: int(path.name.partition("-")[0]),
    )
    names = (path.name.removesuffix(".rst").partition("-")[2] for path in found)
    return {
        name: story_of(name, path.read_text(encoding="utf-8"))
        for name, path in zip(names, found, strict=True)
    }


def story_of(name: str, text: str) -> Story:
    """A story from its text.

    Raises ValueError where lines come before the first comment that says what they are about,
    where such a comment has no lines, and where an edition is named that there is not.
    """
    markers = list(MARKER.finditer(text))
    starts = [text.count("\n", 0, marker.start()) for marker in markers]
    lines: list[list[doctest.Example]] = [[] for _ in markers]
    for line in doctest.DocTestParser().get_examples(text, name):
        place = bisect_right(starts, line.lineno) - 1
        if place < 0:
            raise ValueError(f"story {name!r}: put `.. clauses:` before line {line.lineno + 1}")
        lines[place].append(line)
    parts = tuple(
        Part(
            number, tuple(found["clauses"].split()), frozenset((found["needs"] or "").split()), own
        )
        for number, (found, own) in enumerate(zip(markers, map(tuple, lines), strict=True), 1)
    )
    for part, start in zip(parts, starts, strict=True):
        if not part.lines:
            raise ValueError(f"story {name!r}: no lines follow `.. clauses:` in line {start + 1}")
    return Story(name, text.strip().partition("\n")[0], text, parts, editions_of(text))


def editions_of(text: str) -> tuple[Edition, ...]:
    """The editions in which a story is told: all, where its text names none.

    Raises ValueError where one is named that there is not.
    """
    found = TOLD_IN.search(text)
    if found is None:
        return EDITIONS
    first = Edition(found["first"])
    last = Edition(found["last"] or found["first"])
    return tuple(edition for edition in EDITIONS if first <= edition <= last)


def run_story(
    story: Story,
    parts: Sequence[Part],
    target: Target,
    directory: Path,
    recorder: Recorder,
) -> Deviation | None:
    """Perform parts of a story, and return how the target deviates, if it does.

    target:    what they are performed on
    directory: an empty folder in which to work
    recorder:  is told of each line as of a step, and of the clauses of a part once it has passed

    Whatever happens, all transactions are aborted, and the connections and databases closed.
    """
    part_of = [part for part in parts for _ in part.lines]
    begun: list[Part] = []

    def starting(number: int) -> None:
        part = part_of[number - 1] if number <= len(part_of) else begun[-1]
        if begun[-1:] != [part]:
            if begun:
                recorder.exercised(begun[-1].clauses)
            begun.append(part)
        recorder.step(("story", story.name, str(part.number), str(number)))

    failure = perform(lines_of(parts), target, OPENINGS[story.about], directory, starting)
    if failure is None:
        recorder.exercised(begun[-1].clauses)
        return None
    recorder.exercised(begun[-1].clauses[:1])
    return _deviation(story, begun[-1].clauses[0], failure, target)


def lines_of(parts: Sequence[Part]) -> list[doctest.Example]:
    """The lines of parts, one after the other."""
    return [line for part in parts for line in part.lines]


def _deviation(story: Story, clause: str, failure: Failure, target: Target) -> Deviation:
    return Deviation(
        clause=clause,
        check=story.check,
        expected=failure.expected,
        observed=failure.observed,
        noticed=story.check,
        noticed_at=failure.place,
        trace=source_of(failure.performed),
        script=(("story", story.name),),
        witness=program(clauses()[clause], failure.performed, target, failure),
    )
