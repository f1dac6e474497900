"""Faults in collections and groups: which databases and connections belong together."""

from __future__ import annotations

from functools import partial
from typing import Any

from zodb_reference.connections import Connection
from zodb_reference.db import DB
from zodb_reference.groups import Group

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around

OF_16_JUNE = "2005-06-16"

faulty = partial(double, checks="walk.databases")


@faulty("collection.joined-by-mapping")
def a_database_takes_a_copy_of_the_mapping() -> Fault:
    """A database that is opened with the mapping of others knows them, and they don't know it.

    Its objects can refer to theirs, and not the other way round.
    """

    def init(correct: Any, database: DB, *arguments: Any, **options: Any) -> None:
        if options.get("databases"):
            options["databases"] = dict(options["databases"])
        correct(database, *arguments, **options)

    return around(DB, "__init__", init)


@faulty("collection.of-its-own")
def a_database_enters_whatever_collection_there_is() -> Fault:
    """A database that is opened without a mapping enters the collection of the one before, if its
    name is free there.

    Programs that have nothing to do with each other refer to each other's objects.
    """
    last: list[DB] = []

    def init(correct: Any, database: DB, *arguments: Any, **options: Any) -> None:
        name = options.get("database_name", "unnamed")
        if options.get("databases") is None and last and name not in last[0].databases:
            options["databases"] = last[0].databases
        correct(database, *arguments, **options)
        last[:] = [database]

    return around(DB, "__init__", init)


@faulty("group.one-connection-each", also="xref.leads-to-the-group")
def every_second_time_there_is_another_connection() -> Fault:
    """`get_connection` opens another connection if it was asked for the same database just now.

    The program has each object twice, and what it does to the one is in conflict with the other.
    """

    def get_connection(correct: Any, group: Group, member: Connection, name: str) -> Any:
        asked = vars(group).setdefault("asked", [])
        if name in group.connections and asked == [name]:
            del group.connections[name]
        asked[:] = [name]
        return correct(group, member, name)

    return around(Group, "get_connection", get_connection)


@faulty("group.one-connection-each", also="xref.leads-to-the-group")
def a_member_does_not_find_the_way_back() -> Fault:
    """A member that was opened by `get_connection` does not know the connection that it was asked
    of, and opens another one to that database.

    Whether a program meets one object or two depends on the way that it takes.
    """

    def get_connection(correct: Any, group: Group, member: Connection, name: str) -> Any:
        if member is not group.primary and name == group.primary.database.database_name:
            return group.primary.database.open(member.transaction_manager)
        return correct(group, member, name)

    return around(Group, "get_connection", get_connection)


@faulty("group.opens-what-is-missing", also="xref.leads-to-the-group")
def a_new_member_works_for_the_manager_of_the_thread() -> Fault:
    """A connection that joins a group works for the transaction manager of the calling thread.

    The commit of the program stores what changed in one database, and forgets the other.
    """

    def open_for(correct: Any, group: Group, member: Connection, other: Connection) -> None:
        other.open(None)

    return around(Group, "_open_for", open_for)


@faulty("group.opens-what-is-missing")
def a_new_member_forms_a_group_of_its_own() -> Fault:
    """A connection that joins a group does not know the other members.

    What it loads from other databases belongs to connections that nobody else uses.
    """

    def get_connection(correct: Any, group: Group, member: Connection, name: str) -> Any:
        is_new = name not in group.connections
        found = correct(group, member, name)
        if is_new:
            found.enter(Group(found))
        return found

    return around(Group, "get_connection", get_connection)


@faulty("group.close-all-or-nothing")
def each_member_minds_its_own_changes() -> Fault:
    """A connection can be closed as long as it has no changes itself; a member that has some is
    aborted.

    The program loses what it did in the other database.
    """

    def close(correct: Any, group: Group, member: Connection) -> None:
        others = [each for each in group._open_ones(member) if each is not member]
        if member.joined is None and any(each.joined is not None for each in others):
            member.transaction_manager.abort()
        correct(group, member)

    return around(Group, "close", close)


@faulty("group.close-all-or-nothing")
def a_refused_close_closes_those_without_changes() -> Fault:
    """If a member of a group has changes, to close another one is refused, and closes it.

    The program commits, and finds that it can't read any more.
    """

    def close(correct: Any, group: Group, member: Connection) -> None:
        others = [each for each in group._open_ones(member) if each is not member]
        try:
            correct(group, member)
        finally:
            if any(each.joined is not None for each in others) and member.joined is None:
                member.leave()

    return around(Group, "close", close)


@faulty("group.closes-together")
def members_stay_open() -> Fault:
    """To close the first connection of a group leaves its members open.

    They go on to serve a program that has given the group back, and show what was there then.
    """

    def leave(correct: Any, group: Group, members: list[Connection]) -> None:
        left = [each for each in members if each is group.primary or group.primary not in members]
        correct(group, left)

    return around(Group, "_leave", leave)


@double("group.closes-alone", edition=OF_16_JUNE)
def all_are_closed_with_one() -> Fault:
    """To close one connection of a group closes the others as well.

    A program that has returned the one and goes on with the others can't.
    """

    def together_with(correct: Any, group: Group, member: Connection) -> list[Connection]:
        return list(group.connections.values())

    return around(Group, "_together_with", together_with)


@faulty("group.reopens-together")
def members_stay_closed() -> Fault:
    """A connection from the pool is opened, and the members of its group stay closed until they are
    asked for.

    An object in memory that refers to one of another database leads to an error.
    """

    def open_group(correct: Any, group: Group, transaction_manager: Any) -> None:
        group.primary.open(transaction_manager)

    return around(Group, "open", open_group)


@faulty("group.reopens-together")
def members_come_back_under_their_old_manager() -> Fault:
    """The members of a group keep the transaction manager under which they were opened first.

    Two threads end each other's transactions.
    """

    def open_connection(correct: Any, connection: Connection, manager: Any = None) -> None:
        first = vars(connection).setdefault("first_manager", manager)
        is_primary = connection.group.primary is connection
        correct(connection, manager if is_primary else first)

    return around(Connection, "open", open_connection)
