"""The walker: seeded scripts without any bookkeeping, for long and cheap runs."""

from __future__ import annotations

import random
from collections.abc import Mapping

from zodb_spec.script import PRELUDE, WIDTH, mix, prelude

from zodb_conformance.drivers.search import Search
from zodb_conformance.errors import TargetUnusable
from zodb_conformance.running import raw, resolved

CHOICES = 1 << 16
"""Integers of a raw script are drawn below this."""

LAWFUL = 8
"""One script of so many is held against the laws as well, after every step."""

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

    Raises TargetUnusable where the target can't even do that.
    """
    finding = search.try_script(resolved(SMOKE_SCRIPT), footprint=False)
    if finding is not None:
        mismatch = finding.mismatch
        raise TargetUnusable(
            f"the smoke test failed at `{finding.lines[-1].text}`: "
            f"expected {mismatch.expected}; {mismatch.observed}"
        )


def walk(search: Search, weights: Mapping[str, int]) -> str:
    """Perform as many scripts as the profile says; every other one with all its footprints.

    Returns a note where the budget cut the list.
    """
    choice = mix(weights)
    profile = search.profile
    for number in range(profile.scripts):
        if search.time_is_up():
            return f"the budget ended after {number} of {profile.scripts} scripts"
        draw = random.Random(f"{search.seed}/{number}").randrange
        numbers = [[draw(CHOICES) for _ in range(WIDTH)] for _ in range(profile.steps)]
        search.try_script(
            raw(prelude(number // 2), numbers, choice),
            footprint=number % 2 == 0,
            lawful=number % LAWFUL == 0,
        )
    return ""
