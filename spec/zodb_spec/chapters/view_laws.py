"""Laws about views: what holds of connections that were opened otherwise than usual, or whose
caches were declared invalid.
"""

from __future__ import annotations

from zodb_spec.chapters.step_laws import acting, commits
from zodb_spec.clause import MUST, law
from zodb_spec.editions import CURRENT, Edition
from zodb_spec.operation import Outcome, Step
from zodb_spec.world import World


@law("historical.stores-nothing", MUST, rules="CONN-42", since=CURRENT, needs="historical")
def stores_nothing(before: World, step: Step, outcome: Outcome) -> bool:
    """Nothing is ever stored through a historical connection."""
    return not any(
        before.connections[commit.connection].view.point
        for commit in commits(before, step, outcome)
    )


@law("current-read.conflict-bars", MUST, rules="ISO-16", since=Edition.C, until=Edition.C)
def conflict_bars(before: World, step: Step, outcome: Outcome) -> bool:
    """No transaction is stored in which a read conflict has occurred, whoever had it."""
    databases = outcome.world.databases
    manager = acting(before, step)
    return manager is None or not (
        any(before.databases[name].last < databases[name].last for name in databases)
        and any(before.connections[name].conflicts for name in before.managers[manager].joined)
    )


@law(
    "cache.invalidated-bars",
    MUST,
    rules="CONN-27",
    since=Edition.C,
    needs="cache-invalidation",
)
def invalidated_bars(before: World, step: Step, outcome: Outcome) -> bool:
    """Nothing is ever stored through a connection whose cache was declared invalid, and which has
    had no boundary since.
    """
    return not any(
        before.connections[commit.connection].invalid and commit.transaction.records
        for commit in commits(before, step, outcome)
    )
