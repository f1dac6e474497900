"""Editions are dated, and ordered by date."""

from __future__ import annotations

import pytest
from zodb_spec.editions import CURRENT, EDITIONS, Edition, only


def test_editions_are_in_the_order_of_their_dates() -> None:
    dates = [edition.value for edition in EDITIONS[:-1]]
    assert dates == sorted(dates)
    assert EDITIONS[-1] is CURRENT is max(EDITIONS)
    assert sorted([CURRENT, *EDITIONS[:-1]]) == list(EDITIONS)


@pytest.mark.parametrize(
    "name", ["2005-06-10", "2005-06-16", "2005-06-17", "2006-08-16", "current"]
)
def test_an_edition_is_known_by_its_published_name(name: str) -> None:
    assert Edition(name).value == name


def test_editions_compare_with_editions_only() -> None:
    assert Edition.A < Edition.A_PRIME <= Edition.A_PRIME < Edition.B
    assert Edition.C > Edition.B
    with pytest.raises(TypeError):
        assert Edition.A < "2005-06-16"


@pytest.mark.parametrize("edition", EDITIONS)
def test_one_edition_alone_is_a_span_as_well(edition: Edition) -> None:
    assert only(edition) == {"since": edition, "until": edition}
