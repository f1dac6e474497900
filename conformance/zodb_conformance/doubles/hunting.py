"""The hunt: whether the suite catches a double, and blames the right clause."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import zodb_spec.contents  # noqa: F401  # states all clauses
from zodb_spec.clause import clauses

from zodb_conformance.doubles.double import Double
from zodb_conformance.plan import Plan
from zodb_conformance.results import Deviation, Step, Tally
from zodb_conformance.runner import check_names, run_checks
from zodb_conformance.targets.base import DOUBLE

MORE = 60
"""How many scripts are performed after the one that caught a double."""


@dataclass(frozen=True)
class Hunt:
    """What came of the hunt for one double.

    caught   the deviation on the clause that the double breaks; None where there was none
    astray   the deviations on clauses that it does not break
    scripts  how many scripts and examples that took
    found    seconds of processor time until it was caught, told in its shortest form; None where it
             was not
    seconds  of processor time for all of it
    """

    double: Double
    caught: Deviation | None
    astray: tuple[Deviation, ...]
    scripts: int
    found: float | None
    seconds: float

    @property
    def succeeded(self) -> bool:
        """Whether the verdict fell where it belongs, and nowhere else."""
        return self.caught is not None and not self.astray


def hunt(double: Double, *, profile: str = "quick", seed: int = 0) -> Hunt:
    """Do the checks that exercise what a double breaks, until it is caught, and a little longer.

    profile  the name of the profile that says how many scripts a check draws
    seed     fixes the scripts
    """
    started = processor_time()
    plan = Plan(
        target=DOUBLE + double.name,
        edition=double.edition,
        profile=profile,
        seed=seed,
        checks=_patterns(double),
    )
    hunter = Hunter(double.clause)
    try:
        for name in check_names(plan):
            run_checks(replace(plan, checks=(name,)), hunter)
            if hunter.caught:
                break
    except Enough:
        pass
    allowed = {double.clause, *double.also}
    return Hunt(
        double,
        caught=hunter.caught,
        astray=tuple(found for found in hunter.deviations if found.clause not in allowed),
        scripts=hunter.scripts,
        found=None if hunter.caught_at is None else hunter.caught_at - started,
        seconds=processor_time() - started,
    )


def processor_time() -> float:
    """The seconds of processor time that this process has had, and those of its children that have
    ended.
    """
    return sum(os.times()[:4])


class Enough(Exception):
    """The double is caught, and further scripts would tell nothing new."""


class Hunter(Tally):
    """A recorder that ends the checks some time after a clause was found broken: what else the
    fault is blamed for shows in a few scripts more.
    """

    def __init__(self, clause: str) -> None:
        super().__init__()
        self.clause = clause
        self.caught: Deviation | None = None
        self.caught_at: float | None = None
        self.last = 0

    def deviation(self, deviation: Deviation) -> None:
        """Keep the deviation, and know the one that is hunted."""
        super().deviation(deviation)
        if self.caught is None and deviation.clause == self.clause:
            self.caught, self.last = deviation, self.scripts + MORE
            self.caught_at = processor_time()

    def step(self, step: Step) -> None:
        """Count the step, or end the checks.

        Raises Enough.
        """
        super().step(step)
        if self.caught is not None and self.scripts > self.last:
            raise Enough


def _patterns(double: Double) -> tuple[str, ...]:
    clause = clauses()[double.clause]
    if clause.kind == "example":
        return (f"examples.{clause.chapter}",)
    if clause.kind == "crash":
        return ("crashes",)
    return double.checks or ("walk.*",)
