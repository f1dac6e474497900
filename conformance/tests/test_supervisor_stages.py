"""What the supervisor makes of what it learnt."""

from __future__ import annotations

import pytest
from zodb_conformance.results import Deviation
from zodb_conformance.supervisor.stages import credible


def told(clause: str, check: str) -> Deviation:
    return Deviation(clause=clause, check=check, expected="one thing", observed="it was another")


STORY = told("object.add-is-stored", "story.first-database")
SAME = told("object.add-is-stored", "walk.objects")
OTHER = told("transaction.commit-stores-changes", "walk.everything")


@pytest.mark.parametrize(
    ("learnt", "kept"),
    [
        pytest.param([STORY], [STORY], id="counts alone"),
        pytest.param([STORY, SAME], [STORY, SAME], id="counts where a walk says the same"),
        pytest.param([STORY, OTHER], [OTHER], id="does not count against a walk"),
        pytest.param([STORY, SAME, OTHER], [STORY, SAME, OTHER], id="counts beside other faults"),
    ],
)
def test_the_verdict_of_a_story(learnt: list[Deviation], kept: list[Deviation]) -> None:
    assert credible(learnt) == kept
