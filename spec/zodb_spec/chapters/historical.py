"""Historical connections: a database as it was.

A storage that keeps old revisions can show the database as of any point since it was packed.  A
connection opened at such a point shows what a connection showed then, for as long as it is open.
It is there to be read: nothing can be stored through it, since the past does not change.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, id_of, step
from zodb_spec.editions import CURRENT
from zodb_spec.work import Work
from zodb_spec.world import Connection, Fact, Name, Oid, Tid, View, World, revision_of


@step("historical.shows-the-point", MUST, rules="CONN-40", since=CURRENT, needs="historical")
def shows_the_point(world: World, opened: Connection, view: View, at: Tid) -> Connection:
    """`open(at=t)` gives a connection that shows the state which the transaction `t` has left, and
    `open(before=t)` one that shows the state just before it.
    """
    id = id_of(shows_the_point)
    is_open = world.fact(True, id)
    return opened._replace(is_open=is_open, boundaries=(world.fact(at, id),), view=view)


@step("historical.stays", MUST, rules="CONN-43", since=CURRENT, needs="historical")
def stays(world: World, connection: Name) -> Fact[int]:
    """A historical connection never moves: at every boundary it shows what it showed before,
    whatever was committed meanwhile.
    """
    return world.fact(world.connections[connection].snapshot, id_of(stays))


@step(
    "historical.unborn-is-missing",
    MUST,
    rules="CONN-43",
    error="KeyError",
    since=CURRENT,
    needs="historical",
)
def unborn_is_missing(world: World, connection: Name, oid: Oid) -> bool:
    """An object that was created after the point of a historical connection does not exist there:
    `get` fails as for an oid that nobody has.

    It is no conflict: to try again would not help.
    """
    return revision_of(world, connection, oid) is None


@step(
    "historical.adds-nothing",
    MUST,
    rules="CONN-42 CONN-39",
    error="ReadOnlyError",
    since=CURRENT,
    needs="historical",
)
def adds_nothing(world: World, connection: Name) -> bool:
    """`add` of an object to a historical connection is refused, and the object stays as it was."""
    return True


@step(
    "historical.commit-refused",
    MUST,
    rules="CONN-42",
    error="ReadOnlyHistoryError ReadOnlyError",
    since=CURRENT,
    needs="historical",
)
def commit_refused(world: World, work: Work) -> bool:
    """A commit that would store a change made through a historical connection is refused, and
    nothing of the transaction is stored.  Where the program has discarded the change, so that
    nothing is left to be stored, the commit may be refused all the same: the connection has joined.
    """
    return bool(work) and world.connections[work.connection].view.point != ""
