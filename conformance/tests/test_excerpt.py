"""Which lines of a trace are shown where not all have room."""

from __future__ import annotations

from zodb_conformance.reports.excerpt import excerpt

OPENING = ("db = open_db()", "tm = Manager()", "connection = db.open(transaction_manager=tm)")
FILLING = tuple(f"step_{number}()" for number in range(20))


def shown(*trace: str, most: int = 2) -> list[str]:
    return [trace[number - 1] for number in excerpt(trace, most)]


def test_a_short_trace_is_shown_as_it_is() -> None:
    assert shown(*OPENING, most=3) == list(OPENING)
    assert shown() == []


def test_the_end_is_shown_with_the_lines_that_bind_its_names() -> None:
    assert shown(*OPENING, *FILLING, "connection.sync()") == [
        *OPENING,
        "step_19()",
        "connection.sync()",
    ]


def test_lines_whose_names_are_not_needed_are_left_out() -> None:
    assert shown("import pickle", *OPENING, *FILLING, "tm.commit()") == [
        "tm = Manager()",
        "step_19()",
        "tm.commit()",
    ]


def test_no_line_is_left_out_by_itself() -> None:
    second = "db2 = open_db(databases=db.databases)"
    first = ("db = open_db()", second, "connection = db.open()")
    assert shown(*first, *FILLING, "connection") == [*first, "step_19()", "connection"]
    whole = (second, *OPENING, "step()", "connection", "step()")
    assert shown(*whole) == list(whole)
    assert shown(second, *whole) == list(whole[1:])


def test_of_two_bindings_the_later_one_counts() -> None:
    assert shown("b", "a = 1", "a = 2", *FILLING, "a") == ["a = 2", "step_19()", "a"]
    assert shown("a = 1", "a = a + 1", *FILLING, "a") == ["a = 1", "a = a + 1", "step_19()", "a"]
    assert shown("a = 1", *FILLING, "a = 2", "a") == ["a = 2", "a"]


def test_a_statement_of_several_lines_is_shown_whole() -> None:
    whole = ("with opened(db) as other:", "    pass")
    assert shown(*whole, *FILLING, "other") == [*whole, "step_19()", "other"]
    function = ("def f():", "    return 1")
    assert shown(*function, *FILLING, "f()") == [*function, "step_19()", "f()"]
    assert shown(*FILLING, *whole, most=1) == list(whole)
    assert shown("import pickle as p", "\n".join(whole), *FILLING, "p, other") == [
        "import pickle as p",
        "\n".join(whole),
        "step_19()",
        "p, other",
    ]


def test_what_is_no_python_is_shown_from_its_end() -> None:
    assert shown("a = 1", "b = ", "c = a", "a") == ["c = a", "a"]
    assert shown("a = 1", "\0", "c = a", "a") == ["c = a", "a"]
