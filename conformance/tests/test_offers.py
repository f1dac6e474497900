"""How an implementation is told which calls are not possible on it."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import transaction
from zodb_conformance.kit import offers
from zodb_conformance.plan import Plan
from zodb_conformance.targets import resolve
from zodb_spec import signatures
from zodb_spec.editions import CURRENT
from zodb_spec.signatures import possible


class Some:
    """Something with methods of many kinds."""

    attribute = None

    def plain(self, one: Any, two: Any = None) -> None: ...

    def more(self, one: Any, *rest: Any, option: bool = False, **others: Any) -> None: ...

    def refusing(self) -> None:
        raise AssertionError("nothing is to be called")


def wrapping(*arguments: Any, **named: Any) -> Any:
    raise AssertionError("nothing is to be called")


class Bound:
    """What can be called, and tells how the function is called that it stands for."""

    __signature__ = inspect.signature(Some.plain)
    __call__ = wrapping


wrapping.__wrapped__ = Some.plain  # type: ignore[attr-defined]  # which has one argument more
Some.wrapped = staticmethod(wrapping)  # type: ignore[attr-defined]
Some.bound = Bound()  # type: ignore[attr-defined]
Some.made_in_c = staticmethod(min)  # type: ignore[attr-defined]  # it has no signature


def wrong(calls: str) -> str:
    """What is said of calls that are not all possible."""
    with pytest.raises(AssertionError) as error:
        offers(Some(), calls)
    said = str(error.value)
    assert said.startswith("expected all of these to be possible, but ")
    return said.partition(", but ")[2]


@pytest.mark.parametrize(
    "call",
    [
        "attribute",
        "plain(a)",
        "plain(a, b)",
        "plain(a, two=b)",
        "plain(one=a, two='')",
        "more(a)",
        "more(a, b, c, option=True)",
        "more(a, another=b)",
        "refusing()",
        "wrapped(a, b)",
        "wrapped(one=a)",
        "bound(a)",
        "made_in_c(a)",
        "\n    plain(a)\n    plain(b)\n",
    ],
)
def test_what_can_be_called_is_offered_and_not_called(call: str) -> None:
    offers(Some(), call)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("missing", "there is no `missing`"),
        ("missing(oid)", "there is no `missing(oid)`"),
        ("plain()", "`plain()` can't be called: missing a required argument: 'one'"),
        ("plain(a, b, c)", "`plain(a, b, c)` can't be called: too many positional arguments"),
        ("plain(a, three=b)", "can't be called: got an unexpected keyword argument 'three'"),
        ("attribute()", "`attribute()` can't be called: None is not a callable object"),
        ("plain(a)\nmissing()\nplain()", "there is no `missing()`; `plain()` can't be called"),
    ],
)
def test_what_is_missing_is_told_with_the_call_that_fails(call: str, said: str) -> None:
    assert said in wrong(call)


def test_today_zodb_offers_what_the_table_says(tmp_path: Path) -> None:
    pytest.importorskip("ZODB", reason="it is what is looked at")
    database = resolve(Plan(target="zodb-mapping")).open_database(tmp_path)
    connection = database.open(transaction_manager=transaction.TransactionManager())
    offers(connection, "\n".join(possible(signatures.CONNECTION, CURRENT)))
    for table in ("DATABASE", "PACKING", "HISTORY", "HISTORICAL"):
        offers(database, "\n".join(possible(getattr(signatures, table), CURRENT)))
    connection.close()
    database.close()
