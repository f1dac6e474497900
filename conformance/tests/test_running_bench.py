"""The bench: lines of Python performed on one database, and the names that they leave."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from zodb_conformance.bench import NOBODY, VALUES, Bench
from zodb_conformance.programs import Line
from zodb_reference import DB


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench(DB)
    bench.manager("manager1")
    for line in (
        "connection1 = db.open(transaction_manager=manager1)",
        "root1 = connection1.root()",
    ):
        assert bench.perform(line).error is None
    yield bench
    bench.close()


def test_a_line_leaves_its_variable(bench: Bench) -> None:
    done = bench.perform("x = Thing()", 7)
    assert (done.error, done.variable) == (None, "x")
    assert type(bench.variables["x"]).__name__ == "Thing"
    assert bench.lines[-1] == Line("x = Thing()", 7)


def test_an_error_is_a_result(bench: Bench) -> None:
    done = bench.perform("root1['missing']", 7)
    assert isinstance(done.error, KeyError)
    assert bench.lines[-1] == Line("root1['missing']", 7, failed=True)


def test_an_error_keeps_nothing_alive(bench: Bench) -> None:
    bench.perform("x = Thing()")
    given_up = weakref.ref(bench.variables["x"])
    done = bench.perform("connection1.readCurrent(x)")
    assert done.error is not None
    bench.perform("del x")
    gc.collect()
    assert given_up() is None


def test_what_would_end_the_process_is_a_result(bench: Bench) -> None:
    assert isinstance(bench.perform("raise SystemExit").error, SystemExit)


def test_that_somebody_wants_the_process_to_end_is_none(bench: Bench) -> None:
    with pytest.raises(KeyboardInterrupt):
        bench.perform("raise KeyboardInterrupt")


def test_an_oid_is_tied_to_that_of_an_object(bench: Bench) -> None:
    bench.perform("x = Thing(); connection1.add(x)")
    bench.bind_oid("db", 3, "x")
    assert bench.oid("db", 3) == bench.variables["oid3"] == bench.variables["x"]._p_oid
    assert bench.lines[-1] == Line("oid3 = x._p_oid")


def test_an_oid_that_nobody_has_is_tied_once(bench: Bench) -> None:
    bench.need_oid("db", 5)
    bench.need_oid("db", 5)
    assert bench.variables["oid5"] == (NOBODY + 5).to_bytes(8, "big")
    assert [line.text for line in bench.lines].count(bench.lines[-1].text) == 1
    assert bench.oid("db", 5) is None


def test_an_oid_that_is_tied_stays(bench: Bench) -> None:
    bench.need_oid("db", 0)
    assert bench.variables["oid0"] == bytes(8)


def test_a_new_transaction_is_noticed_once(bench: Bench) -> None:
    assert bench.moved() == frozenset()
    bench.perform("root1['a'] = 1; manager1.commit()")
    assert bench.moved() == {"db"}
    assert bench.moved() == frozenset()
    assert bench.databases["db"].last == bench.variables["db"].lastTransaction()


class Polling:
    """A database like one over a relational database: its storage has to look for what is new."""

    def __init__(self):
        self.db = DB()
        self.storage = SimpleNamespace(poll_invalidations=self.poll)

    def poll(self):
        self.told = self.db.lastTransaction()

    def lastTransaction(self):  # noqa: N802  # the interface of databases
        return self.told

    def __getattr__(self, name):
        return getattr(self.db, name)


def test_a_storage_that_polls_is_asked_anew() -> None:
    bench = Bench(Polling)
    bench.perform("connection1 = db.open(); connection1.root()['a'] = 1; transaction.commit()")
    assert bench.moved() == {"db"}
    bench.bind_tid("db", 2)
    assert [line.text for line in bench.lines[-2:]] == [
        "db.storage.poll_invalidations()",
        "tid2 = db.lastTransaction()",
    ]
    bench.close()


def test_a_bench_is_closed_in_any_state(bench: Bench) -> None:
    bench.perform("root1['a'] = 1")
    database = bench.variables["db"]
    bench.close()
    assert bench.variables == {}
    with pytest.raises(Exception, match="closed"):
        database.open()


def test_every_value_of_the_specification_can_be_made() -> None:
    assert VALUES["negative-zero"] == 0
    assert type(VALUES["named-tuple"]).__name__ == "Point"
