"""The walker: seeded scripts without any bookkeeping, for long and cheap runs."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from zodb_spec.preludes import PRELUDE
from zodb_spec.script import WIDTH

from zodb_conformance.bench import Bench
from zodb_conformance.drivers.search import Search
from zodb_conformance.errors import TargetUnusable
from zodb_conformance.mixes import Mix
from zodb_conformance.plan import BUDGET_ENDED
from zodb_conformance.scripts import raw, resolved
from zodb_conformance.targets.opening import opener

CHOICES = 1 << 16
"""Integers of a raw script are drawn below this."""

LAWFUL = 10
"""One script of so many is held against the laws as well, after every step; it is even, so that
those have footprints, and leaves out none of the preludes.
"""

LEAST = 2
"""How many scripts are done whatever time it takes: one with footprints, and one without."""

SMOKE_SCRIPT = (
    *PRELUDE,
    ("new", "thing1", "Thing"),
    ("set", "thing1", "a", "text"),
    ("link", "root1", "'a'", "thing1", "strong"),
    ("commit", "manager1"),
    ("begin", "manager2"),
    ("read", "root2", "'a'", "thing2"),
    ("read", "thing2", "a", "thing3"),
)
"""Store an object and read it through another connection: what must work for anything else to make
sense.
"""


def smoke(search: Search) -> None:
    """Perform the smoke script.

    Raises TargetUnusable where the target can't even do that, or where what was stored is still
    there when the next database is opened.
    """
    finding = search.try_script(resolved(SMOKE_SCRIPT), footprint=False)
    if finding is not None:
        mismatch = finding.mismatch
        raise TargetUnusable(
            f"the smoke test failed at `{finding.lines[-1].text}`: "
            f"expected {mismatch.expected}; {mismatch.observed}"
        )
    try:
        with tempfile.TemporaryDirectory(prefix="zodb-conformance-") as directory:
            Bench(opener(search.target, Path(directory))).close()
    except TargetUnusable as error:
        raise TargetUnusable(
            "the first script could be performed, and then no new database be opened for the "
            f"second one: {error}. Where all databases share a place, as on a server, write a "
            "target whose open_database makes that place empty"
        ) from error


def walk(search: Search, mix: Mix) -> str:
    """Perform as many scripts as the profile says; every other one with all its footprints.

    Returns a note where the budget cut the list.
    """
    choice = mix.choice()
    profile = search.profile
    for number in range(profile.scripts):
        if number >= LEAST and search.time_is_up():
            return f"{BUDGET_ENDED} after {number} of {profile.scripts} scripts"
        draw = random.Random(f"{search.seed}/{number}").randrange
        numbers = [[draw(CHOICES) for _ in range(WIDTH)] for _ in range(profile.steps)]
        search.try_script(
            raw(mix.prelude(number // 2), numbers, choice),
            footprint=number % 2 == 0,
            lawful=number % LAWFUL == 0,
        )
    return ""
