"""The machine: a Hypothesis state machine whose one rule draws plain integers.

Hypothesis chooses the integers, with its sense for what is worth trying.  What it finds is shrunk
over resolved steps, as all findings are: that takes a tenth of the scripts that shrinking the
integers takes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky, FlakyFailure
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from zodb_spec.script import WIDTH, resolve

from zodb_conformance.drivers.search import Search
from zodb_conformance.errors import TargetUnusable
from zodb_conformance.mixes import Mix
from zodb_conformance.performing import begun
from zodb_conformance.plan import BUDGET_ENDED
from zodb_conformance.scripts import Finding, Source, resolved

NUMBERS = st.tuples(*[st.integers(0, 255)] * WIDTH)
ROUNDS = 4
"""How often the machine starts again after it found something."""

SHARE = 4
"""A machine performs one script for so many of a walk: Hypothesis's bookkeeping costs more than the
target.
"""


class Contradiction(Exception):
    """The target contradicts the model."""


def drive(search: Search, mix: Mix) -> str:
    """Run the machine until it finds nothing new.

    Returns a note where the budget cut the list.
    """
    examples = max(search.profile.scripts // SHARE, 1)
    for round_ in range(ROUNDS):
        if search.time_is_up():
            return f"{BUDGET_ENDED} before round {round_ + 1}"
        noted: list[Finding] = []
        test = seed(search.seed + round_)(machine_for(search, mix, noted))
        try:
            run_state_machine_as_test(
                test,
                settings=settings(
                    max_examples=examples,
                    stateful_step_count=search.profile.steps,
                    database=None,
                    deadline=None,
                    phases=(Phase.generate,),
                    suppress_health_check=list(HealthCheck),
                    verbosity=Verbosity.quiet,
                    report_multiple_bugs=False,
                    print_blob=False,
                ),
            )
        except (Contradiction, Flaky) as error:
            _raise_unusable(error)
        # Hypothesis gives up where a target does not do the same again; what was seen, was seen.
        for finding in _lasts(noted):
            search.judge(finding)
        if not noted:
            return ""
    return f"the machine found something in each of {ROUNDS} rounds"


def _raise_unusable(error: Exception) -> None:
    """Raise what says that a database could not be opened, if that happened now and then."""
    for each in error.exceptions if isinstance(error, FlakyFailure) else ():
        if isinstance(each, TargetUnusable):
            raise each


def _lasts(noted: Sequence[Finding]) -> list[Finding]:
    """The last finding of each clause: the one to which Hypothesis came in the end."""
    return list({finding.mismatch.clause: finding for finding in noted}.values())


def _begun(search: Search) -> tuple[tempfile.TemporaryDirectory[str], Any]:
    """A run in a folder of its own."""
    folder = tempfile.TemporaryDirectory(prefix="zodb-conformance-")
    try:
        avoid = search.avoids
        run = begun(search.part, search.target, Path(folder.name), search.recorder, avoid=avoid)
        return folder, run
    except BaseException:
        folder.cleanup()
        raise


def machine_for(search: Search, mix: Mix, noted: list[Finding]) -> type[RuleBasedStateMachine]:
    """The state machine for one search.

    noted: receives what is found
    """
    choice = mix.choice()

    class Machine(RuleBasedStateMachine):
        """Draws integers, and performs the steps that they stand for."""

        def __init__(self) -> None:
            super().__init__()
            self.folder, self.run = _begun(search)
            self.number = 0

        @initialize(number=st.integers(0, len(mix.preludes) - 1))
        def begin(self, number: int) -> None:
            """Begin as one of the preludes does, as far as that makes sense."""
            for source in resolved(mix.prelude(number)):
                self._consider(source)

        @rule(numbers=NUMBERS)
        def step(self, numbers: tuple[int, ...]) -> None:
            """Perform one step."""
            if search.time_is_up():
                return
            self._consider(lambda world: resolve(world, numbers, choice))

        def _consider(self, source: Source) -> None:
            step = source(self.run.at(self.number + 1))
            if step is None or search.avoids(self.run.world, step):
                return
            self.number += 1
            finding = self.run.take(step, self.number)
            if finding is not None:
                noted.append(finding)
                raise Contradiction(finding.mismatch.clause)

        def teardown(self) -> None:
            """Close the database."""
            self.run.bench.close()
            self.folder.cleanup()

    return Machine
