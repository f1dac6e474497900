"""Ctrl-C at any moment, where there are versions, and connections without mvcc and synch."""

from contextlib import suppress
from itertools import count

import pytest
import transaction
from interrupting import Interrupt
from versions import change, ended, item, opened
from zodb_reference import DB
from zodb_reference.errors import ReadConflictError


@pytest.fixture
def db():
    """A database of the edition."""
    database = DB(edition="2006-08-16")
    item(opened(database), "one", 0)
    item(opened(database), "two", 0)
    yield database
    database.close()


def at_every_moment(do, then):
    """Call `do` with an interrupt at each of its moments, one after the other, and `then` after it.

    `then` is given the number, and whether it was interrupted.
    """
    for number in count():
        interrupt = Interrupt(number)
        with suppress(KeyboardInterrupt), interrupt:
            do(number)
        try:
            then(number, bool(interrupt.where))
        except BaseException as failure:
            failure.add_note(f"after an interrupt in {interrupt.where}")
            raise
        if not interrupt.where:
            assert number > 20
            return


@pytest.mark.parametrize("name", ["commitVersion", "abortVersion"])
def test_a_version_ends_as_a_whole_or_not_at_all(db, name):
    draft, trunk = opened(db, "draft"), opened(db)
    manager = transaction.TransactionManager()
    before = {}

    def end(number):
        getattr(db, name)("draft", txn=manager.get())
        manager.commit()

    def seen(connection):
        connection.sync()
        return [connection.root()[each].x for each in ("one", "two")]

    def prepare(number):
        before["trunk"] = seen(trunk)
        for each in "one", "two":
            change(draft, each, number + 1)

    def check(number, interrupted):
        manager.abort()
        manager.begin()
        if db.versionEmpty("draft"):
            x = [number + 1] * 2 if name == "commitVersion" else before["trunk"]
            assert seen(trunk) == seen(draft) == x
            change(trunk, "one", x[0])
        else:
            assert interrupted
            assert seen(trunk) == before["trunk"]
            assert seen(draft) == [number + 1] * 2
            ended(db.abortVersion, "draft")
        draft.sync()
        prepare(number + 1)

    prepare(0)
    at_every_moment(end, check)


def test_a_connection_without_synch_moves_at_the_end_of_what_it_has_joined(db):
    aside, other = opened(db, synch=False), opened(db)
    manager = aside.transaction_manager
    one, root = aside.root()["one"], aside.root()

    def work(number):
        root["kept"] = number
        manager.commit()

    def check(number, interrupted):
        has_joined = aside.joined is not None
        manager.abort()
        manager.begin()
        if has_joined or not interrupted:
            assert one.x == number + 1
        root["kept"] = "last"
        manager.abort()
        assert one.x == number + 1
        other.sync()
        change(other, "one", number + 2)

    assert one.x == 0
    other.root()["kept"] = None
    change(other, "one", 1)
    at_every_moment(work, check)


def test_a_read_conflict_that_was_told_fails_the_commit(db):
    reader, other = opened(db, mvcc=False), opened(db)
    manager = reader.transaction_manager
    told = []

    def read(number):
        told.clear()
        try:
            _ = reader.root()["one"].x
        except ReadConflictError:
            told.append(number)
        manager.commit()

    def check(number, interrupted):
        manager.abort()
        manager.begin()
        assert reader.root()["one"].x == number + 1
        reader.root()["last"] = number
        manager.commit()
        other.sync()
        change(other, "one", number + 2)
        reader.root()["one"]._p_deactivate()

    def refused(number):
        with pytest.raises(ReadConflictError):
            read(number)
        assert told

    change(other, "one", 1)
    at_every_moment(refused, check)


def test_an_opening_that_was_interrupted_leaves_no_trace(db):
    manager = transaction.TransactionManager()
    options = [
        {"version": "draft"},
        {"mvcc": False},
        {"synch": False},
        {"version": "draft", "synch": False},
    ]
    for each in options:
        kept = []

        def work(number, options=each, kept=kept):
            kept.append(db.open(transaction_manager=manager, **options))
            kept.pop().close()

        def check(number, interrupted, options=each, kept=kept):
            manager.abort()
            while kept:
                kept.pop().close()
            connection = opened(db, **options)
            assert connection.root()["one"].x == 0
            connection.close()

        at_every_moment(work, check)
