"""Faults in what is called when a connection is closed."""

from __future__ import annotations

import logging
from typing import Any

from zodb_reference.connections import Connection, logger
from zodb_reference.groups import Group

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead


@double("connection.close-callbacks", also="connection.failing-callback-hinders-nothing")
def the_last_callback_counts() -> Fault:
    """A function that is registered for the closing takes the place of the one before.

    Of two frameworks in one program, one never cleans up.
    """

    def register(correct: Any, connection: Connection, callback: Any) -> None:
        connection._on_close.clear()
        correct(connection, callback)

    return around(Connection, "onCloseCallback", register)


@double(
    "connection.close-callbacks-before-closing",
    also="""connection.close-callbacks-once connection.close-callbacks-wait
    connection.callback-with-changes""",
)
def callbacks_come_after_the_closing() -> Fault:
    """The functions that are called by `close` are called when the connection is closed.

    What they want to look at for the last time is out of reach.
    """

    def close(correct: Any, group: Group, member: Connection) -> None:
        members = list(group.connections.values())
        with instead(Connection, "call_on_close", lambda connection: None):
            correct(group, member)
        for each in members:
            if each.opened is None:
                each.call_on_close()

    return around(Group, "close", close)


@double("connection.close-callbacks-once")
def callbacks_are_kept() -> Fault:
    """The functions that are called by `close` are called by every later one too.

    What belongs to one request is cleaned up after another one, which may be at work with it.
    """

    def call(correct: Any, connection: Connection) -> None:
        kept = list(connection._on_close)
        correct(connection)
        connection._on_close = kept

    return around(Connection, "call_on_close", call)


@double("connection.close-callbacks-wait")
def callbacks_are_called_for_a_refused_closing() -> Fault:
    """The functions are called before it is known whether the connection can be closed at all.

    A program that goes on with the connection goes on without what they have cleaned up.
    """

    def close(correct: Any, group: Group, member: Connection) -> None:
        if member.opened is not None:
            member.call_on_close()
        correct(group, member)

    return around(Group, "close", close)


@double("connection.close-callbacks-of-the-group")
def callbacks_of_others_are_forgotten() -> Fault:
    """Where a group is closed, only the functions of the connection that `close` was called on are
    called.

    What was registered with the others stays open for ever.
    """

    def close(correct: Any, group: Group, member: Connection) -> None:
        for each in group.connections.values():
            if each is not member:
                each._on_close.clear()
        correct(group, member)

    return around(Group, "close", close)


@double("connection.failing-callback-is-logged")
def an_error_of_a_callback_is_lost() -> Fault:
    """An error of a function that is called by `close` is not logged.

    Nobody ever learns that the cleaning up does not work.
    """
    return instead(logger, "exception", lambda *args: None)


@double("connection.failing-callback-hinders-nothing", also="connection.failing-callback-is-logged")
def an_error_of_a_callback_ends_the_calls() -> Fault:
    """The first function that fails ends the calls, and is logged.

    One careless extension keeps all others from cleaning up.
    """

    def call(correct: Any, connection: Connection) -> None:
        callbacks, connection._on_close = connection._on_close, []
        try:
            for callback in callbacks:
                callback()
        except Exception:
            logging.getLogger(__name__).exception("a callback failed")

    return around(Connection, "call_on_close", call)


@double("connection.callback-with-changes")
def a_callback_leaves_changes_in_the_pool() -> Fault:
    """A connection that was changed by a function of its own closing goes to the pool as it is.

    Its next user sees what nobody has committed.
    """

    def close(correct: Any, group: Group, member: Connection) -> None:
        member.require_unchanged()
        with instead(Connection, "require_unchanged", lambda connection: None):
            correct(group, member)

    return around(Group, "close", close)
