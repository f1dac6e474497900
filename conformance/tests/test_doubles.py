"""The bank of faulty doubles: each is caught, with the verdict on the clause that it breaks."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import zodb_spec.contents  # noqa: F401  # states all clauses
from tables import for_all
from zodb_conformance.context import Context
from zodb_conformance.doubles import (
    Double,
    double,
    open_double,
    open_double_storage,
    registered,
    target_of,
)
from zodb_conformance.doubles import __main__ as bank
from zodb_conformance.doubles.double import REFERENCES
from zodb_conformance.doubles.hunting import Hunt, hunt
from zodb_conformance.drivers import walker
from zodb_conformance.drivers.search import Search
from zodb_conformance.errors import TargetUnusable
from zodb_conformance.mixes import Mix
from zodb_conformance.plan import Plan
from zodb_conformance.results import Deviation, Tally
from zodb_conformance.targets import resolve
from zodb_spec.clause import clauses

BUILT_ON = ("zodb_reference", "persistent", "transaction")
DOUBLES = registered()
TO_BREAK = [each.id for each in clauses().values() if each.kind in ("step", "example", "crash")]


def everywhere() -> set[str]:
    """The names of the doubles that are hunted on every Python.

    What the suite finds comes out the same on all, but for schedules of threads, which hang on how
    Python performs them.  Beside these, one double of each chapter shows that it is so.
    """
    stated = {name: clauses()[each.clause] for name, each in DOUBLES.items()}
    first = {clause.chapter: name for name, clause in reversed(stated.items())}
    return {*first.values(), *(name for name in stated if "meanwhile(" in stated[name].text)}


SHOWN = everywhere()
HUNTED = [pytest.param(name, marks=() if name in SHOWN else pytest.mark.once) for name in DOUBLES]


# A fault may leave files to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", HUNTED)
def test_a_double_is_caught_and_the_verdict_falls_on_what_it_breaks(name: str) -> None:
    found = hunt(DOUBLES[name])
    assert found.caught is not None, f"no verdict fell on {found.double.clause}"
    assert [astray.clause for astray in found.astray] == []


@for_all(TO_BREAK)
def test_a_clause_that_can_be_broken_by_an_implementation_has_a_double(clause: str) -> None:
    assert clause in {each.clause for each in DOUBLES.values()}


@for_all(DOUBLES)
def test_a_double_names_clauses_that_there_are(name: str) -> None:
    assert clauses().keys() >= {DOUBLES[name].clause, *DOUBLES[name].also}


def test_a_double_without_its_fault_is_not_caught() -> None:
    name = next(iter(DOUBLES))
    harmless = replace(DOUBLES[name], plant=nullcontext)
    target = target_of(harmless)
    tally = Tally()
    walker.walk(Search(Context(Plan(profile="quick", budget=5), target, tally), "walk"), Mix({}))
    assert tally.scripts > 10
    assert tally.deviations == []


def implementation() -> dict[tuple[str, str], object]:
    """What there is to be planted in: the functions and classes of the reference and of what it is
    built on, the classes with their attributes.
    """
    modules = {name: module for name, module in sys.modules.items() if name.startswith(BUILT_ON)}
    return {
        (module, name): dict(vars(value)) if isinstance(value, type) else value
        for module in modules
        for name, value in vars(modules[module]).items()
        if callable(value)
    }


def test_a_fault_is_gone_when_the_database_is_closed(tmp_path: Path) -> None:
    for name, target in REFERENCES.items():  # classes keep what was found out about them
        (tmp_path / name).mkdir()
        target().open_database(tmp_path / name).close()
    before = implementation()
    for name, faulty in DOUBLES.items():
        if clauses()[faulty.clause].part == "storage":  # no database may open over it
            (tmp_path / name).mkdir()
            open_double_storage(name, tmp_path / name).close()
        else:
            open_double(name).close()
        assert implementation() == before, name


def test_a_double_is_a_target_by_its_name() -> None:
    name = next(iter(DOUBLES))
    assert resolve(Plan(target=f"double:{name}")).name == f"double:{name}"


def test_a_double_that_is_not_there_is_an_error_that_says_where_to_look() -> None:
    with pytest.raises(TargetUnusable, match="list doubles"):
        resolve(Plan(target="double:no-such-thing"))


def test_what_went_wrong_with_a_double_is_told_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = ("things = [each for each in root]",)
    astray = Deviation("object.unsaved", "walk", "values[0]", "a gap", "commit", 1, 1, trace)
    missed = Hunt(next(iter(DOUBLES.values())), None, (astray,), 1, None, 0.1)
    monkeypatch.setattr(bank, "hunt", lambda double, **options: missed)
    assert bank.main(["--only", missed.double.name]) == 1
    assert "things = [each for each in root]" in capsys.readouterr().out


def test_it_is_told_how_long_it_took_until_doubles_were_caught(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn: list[Double] = []

    def found(double: Double, **options: object) -> Hunt:
        drawn.append(double)
        return Hunt(double, None, (), 1, 2.0 * len(drawn), 9.0)

    monkeypatch.setattr(bank, "hunt", found)
    bank.main(["--sample", "12", "--seed", "3"])
    said = capsys.readouterr().out
    assert "Caught after 13.0 s of processor time (median)" in said
    slowest = said.partition("after most time:\n")[2].splitlines()
    assert [line.split() for line in slowest] == [
        [f"{2.0 * number:.1f}", "s", drawn[number - 1].name] for number in range(12, 2, -1)
    ]


def test_a_double_without_a_text_is_refused() -> None:
    def nothing_said() -> nullcontext[None]:
        return nullcontext()

    with pytest.raises(ValueError, match="does not say what it breaks"):
        double("object.add-is-stored")(nothing_said)


def test_two_doubles_of_one_name_are_refused() -> None:
    first: Double = next(iter(DOUBLES.values()))

    def planted() -> nullcontext[None]:
        """Break nothing."""
        return nullcontext()

    planted.__name__ = first.name.replace("-", "_")
    with pytest.raises(ValueError, match="there are two doubles"):
        double("object.add-is-stored")(planted)
