"""Faults in who is told of what was done in versions, and when."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from transaction import Transaction
from zodb_reference import db_of_2006
from zodb_reference.connection_of_2006 import ConnectionOf2006
from zodb_reference.current_reads import OlderSharedSnapshot
from zodb_reference.databasework import DatabaseWork
from zodb_reference.invalidation import EVERYONE, News
from zodb_reference.oids import maxtid

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together

faulty = partial(double, edition="2006-08-16")


@faulty("version.told-inside")
def the_trunk_tells_the_trunk_alone() -> Fault:
    """The connections in versions are not told of what is committed in the trunk.

    What they show of it, they show as it was when they first looked.
    """

    def news_of(correct: Any, snapshot: OlderSharedSnapshot, written: Any) -> News:
        news: News = correct(snapshot, written)
        return news if snapshot.version else news._replace(audience={""})

    return around(OlderSharedSnapshot, "news_of", news_of)


@faulty("version.not-told-outside")
def a_version_tells_everybody() -> Fault:
    """All connections are told of what is committed in a version.

    Who reads the current state alone fails, for the sake of what concerns others.
    """

    def news_of(correct: Any, snapshot: OlderSharedSnapshot, written: Any) -> News:
        news: News = correct(snapshot, written)
        return news._replace(audience=EVERYONE)

    return around(OlderSharedSnapshot, "news_of", news_of)


def told_otherwise(change: Any) -> Fault:
    """The fault that other news are told of the end of a version."""
    return instead(db_of_2006, "News", lambda *items, **named: change(News(*items, **named)))


@faulty("version.told-of-a-commit", also="version.told-of-a-commit-when-it-is-done")
def other_versions_do_not_hear_of_a_commit() -> Fault:
    """When a version is committed to the trunk, the connections in versions are not told.

    They go on showing what was there before, for as long as they live.
    """
    return told_otherwise(
        lambda news: news._replace(audience={""}) if news.audience is EVERYONE else news
    )


@faulty(
    "version.told-of-a-move",
    also="version.told-while-closed version.told-of-a-commit-when-it-is-done",
)
def who_has_lost_something_is_not_told() -> Fault:
    """When a version is committed into another one, the connections in the first are not told.

    They show what they do not have any more, and can't change it.
    """
    moved: list[str] = []

    def commit_version(
        correct: Any, db: Any, source: str, destination: str = "", txn: Any = None
    ) -> None:
        moved[:] = [source]
        correct(db, source, destination, txn)

    def change(news: News) -> News:
        if news.audience is EVERYONE or news.renews:
            return news
        return news._replace(audience=set(news.audience) - set(moved))

    return together(
        around(db_of_2006.DBOf2006, "commitVersion", commit_version), told_otherwise(change)
    )


@faulty(
    "version.told-of-an-abort",
    also="version.told-while-closed version.told-of-an-abort-when-it-is-done",
)
def who_has_lost_all_is_not_told() -> Fault:
    """When a version is aborted, the connections in it are not told.

    They show what nobody has any more, and can't change it.
    """
    return told_otherwise(
        lambda news: news._replace(audience={""}, renews=False) if news.renews else news
    )


@faulty("version.told-while-closed")
def who_is_closed_is_not_told() -> Fault:
    """A connection in a version does not learn of what has happened while it was closed.

    It shows the next user what is long gone.
    """

    def open_connection(correct: Any, connection: ConnectionOf2006, *more: Any, **op: Any) -> None:
        snapshot = connection._snapshot
        if connection.view.version and isinstance(snapshot, OlderSharedSnapshot):
            log = snapshot._shared.log
            snapshot._position = log.read(snapshot._position, maxtid)[1]
        correct(connection, *more, **op)

    return around(ConnectionOf2006, "open", open_connection)


def announced_early(work: DatabaseWork) -> None:
    """Announce a commit under way to those whom it concerns, as if it was the last one that was
    finished.
    """
    assert work._begun is not None
    snapshot, _ = work._begun
    assert isinstance(snapshot, OlderSharedSnapshot)
    for news in work._news:
        # What is older than its own last change would be kept: so it is said of everything.
        snapshot._shared.log.append(snapshot.storage.lastTransaction(), news._replace(oids=None))


def told_early(is_meant: Callable[[News], bool]) -> Fault:
    """The fault that the connections are told of the end of a version before it is there.

    is_meant: tells of what
    """

    def commit(correct: Any, work: DatabaseWork, txn: Transaction) -> None:
        correct(work, txn)
        if any(map(is_meant, work._news)):
            announced_early(work)
            work._news.clear()

    return around(DatabaseWork, "commit", commit)


@faulty("version.told-of-a-commit-when-it-is-done", also="version.failed-ending-disturbs-nobody")
def all_are_told_of_a_commit_too_early() -> Fault:
    """The connections are told of the commit of a version in the first phase of the transaction.

    Who passes a boundary in between never shows what was committed.
    """
    return told_early(lambda news: not news.renews)


@faulty("version.told-of-a-commit-when-it-is-done")
def all_are_told_of_a_move_too_early() -> Fault:
    """The connections are told in the first phase of the transaction that a version is committed
    into another one.

    Who passes a boundary in between goes on showing what was moved away.
    """
    return told_early(lambda news: not news.renews and news.audience is not EVERYONE)


@faulty("version.told-of-an-abort-when-it-is-done", also="version.failed-ending-disturbs-nobody")
def all_are_told_of_an_abort_too_early() -> Fault:
    """The connections are told of the abort of a version in the first phase of the transaction.

    Who passes a boundary in between goes on showing what is not there any more.
    """
    return told_early(lambda news: news.renews)


@faulty("version.failed-ending-disturbs-nobody")
def what_was_not_done_is_announced() -> Fault:
    """The connections are told of the end of a version also where the transaction has failed.

    They discard what they have loaded, and meet read conflicts with nobody.
    """

    def abort(correct: Any, work: DatabaseWork, txn: Transaction) -> None:
        if work._begun is not None:
            announced_early(work)
        correct(work, txn)

    return around(DatabaseWork, "tpc_abort", abort)


@faulty("version.abort-leaves-the-trunk-alone")
def the_trunk_is_not_told_of_an_abort() -> Fault:
    """When a version is aborted, the connections in the trunk are not told that its objects have
    another serial.

    The next of them to change one of these meets a conflict, for no reason.
    """
    return told_otherwise(lambda news: news._replace(renews=False))
