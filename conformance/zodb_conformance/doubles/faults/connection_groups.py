"""Faults in groups of connections."""

from __future__ import annotations

from collections import UserDict
from typing import Any

import transaction
from transaction.interfaces import NoTransaction
from zodb_reference.connections import Connection
from zodb_reference.db import DB
from zodb_reference.groups import Group
from zodb_reference.views import View

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together

OF_10_JUNE, OF_16_JUNE = "2005-06-10", "2005-06-16"


class Own(UserDict[str, Any]):
    """Another mapping with the same contents, whatever becomes of these."""

    def __init__(self, mapping: dict[str, Any]) -> None:
        self.data = mapping


@double("group.one-mapping", also="group.pooled-with-a-group")
def each_member_has_a_mapping_of_its_own() -> Fault:
    """Each connection of a group has a mapping of its own of the connections.

    A program that tells groups apart by it sees as many groups as there are connections.
    """

    def enter(correct: Any, connection: Connection, group: Group) -> None:
        correct(connection, group)
        connection.connections = Own(group.connections)  # type: ignore[assignment]

    return around(Connection, "enter", enter)


@double("group.own-name")
def the_own_name_opens_another_connection() -> Fault:
    """`get_connection` with the name of the own database opens another connection to it.

    Code that does not care where it begins works with two copies of each object.
    """

    def get_connection(correct: Any, connection: Connection, name: str) -> Any:
        if name == connection.db().database_name:
            return connection.db().open(connection.transaction_manager)
        return correct(connection, name)

    return around(Connection, "get_connection", get_connection)


@double("group.unknown-name")
def an_unknown_name_gives_none() -> Fault:
    """`get_connection` with a name that no database has gives None.

    A misspelt name shows later and elsewhere.
    """

    def get_connection(correct: Any, connection: Connection, name: str) -> Any:
        try:
            return correct(connection, name)
        except KeyError:
            return None

    return around(Connection, "get_connection", get_connection)


@double(
    "group.same-manager",
    also="group.pooled-keeps-identity group.counts-in-its-database group.explicit-manager"
    " group.other-thread",
)
def the_others_are_opened_under_the_default_manager() -> Fault:
    """`get_connection` opens connections under the default manager of the thread.

    A commit of the program's own manager stores a part of what was done.
    """
    return instead(Group, "_open_for", lambda group, member, other: other.open())


@double("group.manager-of-the-thread", edition=OF_10_JUNE)
def the_others_are_opened_under_the_manager_of_the_first() -> Fault:
    """`get_connection` opens connections under the manager of the one that is asked.

    What the program leaves to the default manager is stored by the commit of another one.
    """

    def open_for(group: Group, member: Connection, other: Connection) -> None:
        other.open(member.transaction_manager)

    return instead(Group, "_open_for", open_for)


@double("group.back-to-its-own-pool", edition=OF_16_JUNE)
def who_was_closed_in_a_group_is_not_opened_again() -> Fault:
    """A connection that was opened by `get_connection` goes to no pool when it is closed.

    Each request opens another connection, with an empty cache.
    """

    def give_back(correct: Any, group: Group, member: Connection) -> None:
        if member is group.primary:
            correct(group, member)

    return around(Group, "_give_back", give_back)


@double(
    "group.pooled-with-a-group",
    also="group.pooled-keeps-identity group.closed-from-any-member",
)
def a_pooled_connection_brings_its_group_along() -> Fault:
    """A connection from the pool enters a group with all the connections that it has worked with.

    One of them takes the place of the connection that asked for it.
    """
    pooled = dict[Connection, dict[str, Connection]]()

    def take(correct: Any, database: DB, view: View, *, lone: bool = False) -> Any:
        connection = correct(database, view)
        if lone:
            pooled[connection] = dict(connection.connections)
        return connection

    def get_connection(correct: Any, group: Group, member: Connection, name: str) -> Any:
        found = correct(group, member, name)
        group.connections.update(pooled.pop(found, {}))
        return found

    return together(
        around(DB, "take_connection", take), around(Group, "get_connection", get_connection)
    )


@double("group.pooled-keeps-identity")
def any_connection_of_the_pool_will_do() -> Fault:
    """A group takes connections from the pool that have worked with others.

    What is in their caches leads to objects of that other group: one object is there twice.
    """
    return around(
        DB,
        "take_connection",
        lambda correct, database, view, *, lone=False: correct(database, view),
    )


@double("group.pooled-is-up-to-date")
def what_enters_a_group_is_as_it_was() -> Fault:
    """A connection that comes from the pool into a group still has in memory what it had there.

    The program sees old contents beside new ones, and nothing tells it.
    """

    def open_for(correct: Any, group: Group, member: Connection, other: Connection) -> None:
        with instead(other.objects, "catch_up", lambda changes: None):
            correct(group, member, other)

    return around(Group, "_open_for", open_for)


@double("group.bound-for-life")
def a_group_is_dissolved_when_it_is_closed() -> Fault:
    """When a group is closed, each connection goes to the pool of its own database, emptied.

    All that was in memory is lost at the end of every request.
    """

    def give_back(group: Group, member: Connection) -> None:
        for each in list(group.connections.values()):
            each.objects.cache.minimize()
            each.enter(Group(each))
            each.db().give_back(each)

    return instead(Group, "_give_back", give_back)


@double("group.counts-in-its-database")
def a_database_forgets_what_belongs_to_a_group() -> Fault:
    """A database does not count the connections that belong to one of another database.

    What is to be done with all connections of the database is not done with them.
    """

    def take(correct: Any, database: DB, view: View, *, lone: bool = False) -> Any:
        connection = correct(database, view, lone=lone)
        if lone:
            database._pool.forget(connection)
        return connection

    return around(DB, "take_connection", take)


@double("group.closed-from-any-member")
def a_member_is_closed_alone() -> Fault:
    """To close another connection than the first of a group closes that one alone.

    The objects of the others refer to objects that nobody can load.
    """

    def close(correct: Any, group: Group, member: Connection) -> None:
        if member is group.primary:
            correct(group, member)
        elif member.opened is not None:
            member.leave()

    return around(Group, "close", close)


@double("group.explicit-manager")
def to_join_a_group_begins_a_transaction() -> Fault:
    """`get_connection` begins a transaction where there is none, also under an explicit manager.

    The program's own `begin` is refused.
    """

    def get_connection(correct: Any, connection: Connection, name: str) -> Any:
        found = correct(connection, name)
        try:
            connection.transaction_manager.get()
        except NoTransaction:
            connection.transaction_manager.begin()
        return found

    return around(Connection, "get_connection", get_connection)


@double("group.other-thread")
def changes_belong_to_the_thread_that_makes_them() -> Fault:
    """A connection under the default manager of a thread works for that of any other thread, too.

    What another thread does in a locked section is committed with the other thread's own work, and
    not with that of the owner.
    """

    def open_(correct: Any, connection: Connection, manager: Any = None) -> None:
        correct(connection, transaction.manager if manager is None else manager)

    return around(Connection, "open", open_)
