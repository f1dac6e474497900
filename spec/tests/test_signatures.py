"""The table of what can be called: what it says of each edition, and how it gets into texts."""

from __future__ import annotations

import ast
import inspect

import pytest
from zodb_spec import signatures
from zodb_spec.editions import CURRENT, EDITIONS, Edition
from zodb_spec.signatures import ALWAYS, CONNECTION, DATABASE, ONLY_C, TODAY, possible, quoting

TABLES = {
    name: table
    for name, table in vars(signatures).items()
    if isinstance(table, dict) and name.isupper()
}


@pytest.mark.parametrize("name", TABLES)
def test_a_call_is_a_name_or_the_call_of_a_method_with_names_in_it(name: str) -> None:
    for edition in EDITIONS:
        for line in possible(TABLES[name], edition):
            call = ast.parse(line, mode="eval").body
            if isinstance(call, ast.Call):
                assert isinstance(call.func, ast.Name), line
                assert all(isinstance(each, ast.Name | ast.Constant) for each in call.args), line
                assert all(each.arg for each in call.keywords), line
            else:
                assert isinstance(call, ast.Name), line


@pytest.mark.parametrize("edition", EDITIONS)
def test_no_call_stands_twice_for_an_edition(edition: Edition) -> None:
    of_connections = {"CONNECTION"}
    for names in (of_connections, set(TABLES) - of_connections):
        lines = [line for name in names for line in possible(TABLES[name], edition)]
        assert sorted(lines) == sorted(set(lines))


def test_what_is_possible_depends_on_the_edition() -> None:
    told = {edition: possible(CONNECTION, edition) for edition in EDITIONS}
    assert all("root()" in lines for lines in told.values())
    assert [edition for edition in EDITIONS if "getVersion()" in told[edition]] == [Edition.C]
    assert [edition for edition in EDITIONS if "readCurrent(obj)" in told[edition]] == [CURRENT]
    before = [edition for edition in EDITIONS if "invalidate(tid, oids)" in told[edition]]
    assert before == list(EDITIONS[:-1])


def test_a_period_holds_the_editions_from_its_first_to_its_last() -> None:
    assert [edition for edition in EDITIONS if edition in ALWAYS] == list(EDITIONS)
    assert [edition for edition in EDITIONS if edition in ONLY_C] == [Edition.C]
    assert "current" not in TODAY


def test_calls_take_their_place_in_a_text() -> None:
    @quoting(
        """
        get(oid)
        close()
    """
    )
    def text() -> None:
        """It can be called.

        >>> offers(connection, '''
        ... CALLS
        ... ''')
        """

    # From 3.13 on Python itself takes the indentation away.
    assert "\n... get(oid)\n... close()\n... '''" in (inspect.getdoc(text) or "")


def test_a_text_without_a_place_for_them_is_refused() -> None:
    def text() -> None:
        """It can be called."""

    with pytest.raises(ValueError, match="text has no line"):
        quoting(DATABASE[ALWAYS])(text)
