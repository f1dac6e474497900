"""The machine: a Hypothesis state machine whose one rule draws plain integers.

Hypothesis chooses the integers, with its sense for what is worth trying.  What it finds is shrunk
over resolved steps, as all findings are: that takes a tenth of the scripts that shrinking the
integers takes.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyFailure
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from zodb_spec.script import WIDTH, resolve

from zodb_conformance.drivers.search import Search
from zodb_conformance.errors import TargetUnusable
from zodb_conformance.mixes import Mix
from zodb_conformance.running import Finding, Run, Source, resolved

NUMBERS = st.tuples(*[st.integers(0, 255)] * WIDTH)
ROUNDS = 4
"""How often the machine starts again after it found something."""

SHARE = 4
"""A machine performs one script for so many of a walk: Hypothesis's bookkeeping costs more than the
target.
"""


class Contradiction(Exception):
    """The target contradicts the model; Hypothesis shrinks towards the last one of the same
    kind.
    """

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.mismatch.clause)
        self.finding = finding


def drive(search: Search, mix: Mix) -> str:
    """Run the machine until it finds nothing new.

    Returns a note where the budget cut the list.
    """
    examples = max(search.profile.scripts // SHARE, 1)
    for round_ in range(ROUNDS):
        if search.time_is_up():
            return f"the budget ended before round {round_ + 1}"
        test = seed(search.seed + round_)(machine_for(search, mix))
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
        except Contradiction as found:
            search.judge(found.finding)
        except FlakyFailure as group:
            _raise_unusable(group)
            for finding in _contradictions(group):
                search.judge(finding)
        else:
            return ""
    return f"the machine found something in each of {ROUNDS} rounds"


def _raise_unusable(group: FlakyFailure) -> None:
    """Raise what says that a database could not be opened, if that happened now and then."""
    for error in group.exceptions:
        if isinstance(error, TargetUnusable):
            raise error


def _contradictions(group: FlakyFailure) -> list[Finding]:
    """What was found once and not again; the search replays it before it says so."""
    return [error.finding for error in group.exceptions if isinstance(error, Contradiction)]


def _begun(search: Search) -> tuple[tempfile.TemporaryDirectory[str], Run]:
    """A run in a folder of its own."""
    folder = tempfile.TemporaryDirectory(prefix="zodb-conformance-")
    try:
        return folder, Run(search.target, Path(folder.name), search.recorder)
    except BaseException:
        folder.cleanup()
        raise


def machine_for(search: Search, mix: Mix) -> type[RuleBasedStateMachine]:
    """The state machine for one search."""
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
            step = source(self.run.world._replace(step=self.number + 1))
            if step is None or search.avoids(self.run.world, step):
                return
            self.number += 1
            finding = self.run.take(step, self.number)
            if finding is not None:
                raise Contradiction(finding)

        def teardown(self) -> None:
            """Close the database."""
            self.run.bench.close()
            self.folder.cleanup()

    return Machine
