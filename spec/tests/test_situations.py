"""Situations hold just before the step that they warn of."""

from __future__ import annotations

import pytest
from zodb_spec.explore import SMALL_WORLDS
from zodb_spec.operation import Step
from zodb_spec.script import after
from zodb_spec.situations import situations
from zodb_spec.world import World

SHARED = SMALL_WORLDS["one-shared-object"].start()
"""Two connections that hold the root (`root1`, `root2`) and a thing (`one1`, `one2`)."""

NEW: Step = ("new", "x", "Thing")
LINK: Step = ("link", "one1", "a", "x", "strong")
BAD: Step = ("set-unpicklable", "one1", "b", "lambda")
COMMIT: Step = ("commit", "manager1")
SAVEPOINT: Step = ("savepoint", "manager1", "savepoint1")
SABOTAGE: Step = ("commit-sabotaged", "manager1", "tpc_vote", "before")
LATE: tuple[Step, ...] = (
    ("open", "db", "manager1", "late"),
    ("get", "late", "1", "one3"),
    ("set", "one3", "a", "one"),
)
SAVE: Step = ("savepoint", "manager1", "s")
SAVED: tuple[Step, ...] = (NEW, LINK, SAVE)
SAVED2: tuple[Step, ...] = (NEW, LINK, ("savepoint", "manager1", "later"))
CHANGE: Step = ("set", "x", "a", "one")
GHOST: Step = ("deactivate", "x")
AGAIN: tuple[Step, ...] = (("set", "one1", "b", "one"), SAVE, ("rollback", "s"), *SAVED2)
SECOND: Step = ("open-database", "db2", "second", "inside")
GROUP: tuple[Step, ...] = (
    SECOND,
    ("get-connection", "connection1", "db2", "other"),
    ("root", "other", "root3"),
    ("set", "root3", "'a'", "one"),
)
POOLED: tuple[Step, ...] = (
    SECOND,
    ("open", "db2", "manager1", "other"),
    ("get-connection", "other", "db", "mate"),
    ("close", "other"),
)
ASK: Step = ("get-connection", "connection2", "db2", "third")
CLOSE: Step = ("close", "connection1")


def ready(steps: tuple[Step, ...]) -> World:
    """The world after some steps, in which the next one is about to be taken."""
    world = after(SHARED, *steps)
    return world._replace(step=world.step + 1)


@pytest.mark.parametrize(
    ("name", "before", "step", "holds"),
    [
        ("two-connections-in-one-transaction", (*LATE, BAD), COMMIT, True),
        ("two-connections-in-one-transaction", LATE, COMMIT, False),
        ("two-connections-in-one-transaction", (*LATE, BAD), ("abort", "manager1"), False),
        ("commit-refused-with-new-objects", (NEW, LINK, BAD), COMMIT, True),
        ("commit-refused-with-new-objects", (NEW, LINK), SABOTAGE, True),
        ("commit-refused-with-new-objects", (NEW, LINK, BAD), SAVEPOINT, True),
        ("commit-refused-with-new-objects", (NEW, LINK), SAVEPOINT, False),
        ("commit-refused-with-new-objects", (NEW, LINK), COMMIT, False),
        ("commit-refused-with-new-objects", (NEW, BAD), COMMIT, False),
        ("commit-refused-with-new-objects", (NEW, LINK, BAD), ("abort", "manager1"), False),
        ("commit-refused-with-new-objects", (NEW, LINK, BAD), ("set", "x", "a", "one"), False),
        ("change-on-a-closed-connection", (CLOSE,), ("set", "one1", "a", "one"), True),
        ("change-on-a-closed-connection", (CLOSE,), ("mark-changed", "one1"), True),
        ("change-on-a-closed-connection", (CLOSE,), ("set", "one2", "a", "one"), False),
        ("change-on-a-closed-connection", (CLOSE,), ("read", "one1", "a", "y"), False),
        ("change-on-a-closed-connection", (CLOSE, NEW), ("set", "x", "a", "one"), False),
        ("change-on-a-closed-connection", (CLOSE,), ("new", "x", "Thing"), False),
        ("weak-reference-to-a-new-object", (NEW,), ("link", "one1", "a", "x", "weak"), True),
        ("weak-reference-to-a-new-object", (NEW,), LINK, False),
        ("weak-reference-to-a-new-object", (), ("link", "one1", "a", "root1", "weak"), False),
        (
            "read-current-of-a-ghost",
            (("deactivate", "one1"),),
            ("read-current", "connection1", "one1"),
            True,
        ),
        (
            "read-current-of-a-ghost",
            (("set", "one1", "a", "one"),),
            ("read-current", "connection1", "one1"),
            False,
        ),
        ("read-current-of-a-ghost", (("deactivate", "one1"),), ("mark-changed", "one1"), False),
        (
            "read-current-of-a-ghost",
            (("set", "one1", "a", "one"), COMMIT, ("read", "one1", "a", "y")),
            ("read-current", "connection1", "one1"),
            False,
        ),
        (
            "read-current-of-a-ghost",
            (
                *(("set", "one1", "a", "one"), COMMIT, ("begin", "manager2")),
                *(("set", "one2", "a", "none"), ("commit", "manager2"), ("begin", "manager1")),
            ),
            ("read-current", "connection1", "one1"),
            True,
        ),
        ("new-object-of-a-savepoint-taken-back", (*SAVED, CHANGE), ("abort", "manager1"), True),
        ("new-object-of-a-savepoint-taken-back", (*SAVED, CHANGE), ("rollback", "s"), False),
        ("new-object-of-a-savepoint-taken-back", (SAVE, *SAVED2, CHANGE), ("rollback", "s"), True),
        ("new-object-of-a-savepoint-taken-back", (*SAVED, GHOST), ("begin", "manager1"), True),
        ("new-object-of-a-savepoint-taken-back", (*SAVED, GHOST), COMMIT, False),
        ("new-object-of-a-savepoint-taken-back", SAVED, ("abort", "manager1"), False),
        ("returning-again-from-a-later-savepoint", AGAIN, ("rollback", "s"), True),
        ("returning-again-from-a-later-savepoint", AGAIN[3:], ("rollback", "later"), False),
        ("closing-a-group-that-has-joined", GROUP, ("close", "connection1"), True),
        ("closing-a-group-that-has-joined", GROUP[:-1], ("close", "connection1"), False),
        (
            "closing-a-group-that-has-joined",
            (*GROUP[:-1], ("set", "one1", "a", "one")),
            ("close", "connection1"),
            False,
        ),
        ("taking-a-group-from-the-pool", POOLED, ASK, True),
        ("taking-a-group-from-the-pool", POOLED[:1], ASK, False),
    ],
)
def test_a_situation_holds_before_the_steps_it_warns_of(
    name: str, before: tuple[Step, ...], step: Step, holds: bool
) -> None:
    assert situations()[name](ready(before), step) is holds


def test_every_situation_is_shown_here_to_hold_and_not_to_hold() -> None:
    marks = test_a_situation_holds_before_the_steps_it_warns_of.pytestmark
    shown = {(case[0], case[3]) for case in marks[0].args[1]}
    assert shown == {(name, holds) for name in situations() for holds in (True, False)}


def test_a_situation_says_in_a_sentence_what_it_is() -> None:
    for situation in situations().values():
        assert situation.__doc__ is not None
        assert situation.__doc__.endswith(".")
