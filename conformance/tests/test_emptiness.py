"""Emptiness: the suite never writes into a database that holds something."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bad_factories
import pytest
import transaction
import zodb_reference
from target_names import EACH
from ZODB import DB
from ZODB.DemoStorage import DemoStorage
from ZODB.MappingStorage import MappingStorage
from zodb_conformance import runner
from zodb_conformance.errors import TargetUnusable
from zodb_conformance.plan import Plan
from zodb_conformance.results import Tally
from zodb_conformance.targets import emptiness, resolve
from zodb_conformance.targets.emptiness import held, stored


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A folder in which the factories find a database with data: the bytes of it."""
    monkeypatch.chdir(tmp_path)
    return bytes(bad_factories.fill_this_folder())


def changed(database: Any, change: Callable[[Any], object]) -> Any:
    """A database after one more transaction."""
    manager = transaction.TransactionManager()
    connection = database.open(transaction_manager=manager)
    change(connection.root())
    manager.commit()
    connection.close()
    return database


# What is refused.


@pytest.mark.parametrize(
    "plan",
    [
        Plan(target="bad_factories:in_this_folder"),
        Plan(database="bad_factories:database_in_this_folder"),
    ],
)
@pytest.mark.parametrize("check", ["smoke", "story.*", "examples.*", "walk.objects", "machine.*"])
def test_a_database_with_data_is_refused_by_every_check_and_left_as_it_is(
    plan: Plan, check: str, mine: bytes
) -> None:
    found = Tally()
    checked = Plan(target=plan.target, database=plan.database, checks=(check,))
    with pytest.raises(
        TargetUnusable, match=r"not empty: its root has the key 'mine'\. It was left"
    ):
        runner.run_checks(checked, found)
    assert found.deviations == []
    assert bad_factories.what_lies_there() == mine


@pytest.mark.usefixtures("mine")
def test_a_refused_database_is_closed(tmp_path_factory: pytest.TempPathFactory) -> None:
    target = resolve(Plan(target="bad_factories:in_this_folder"))
    for _ in range(2):  # the first one would hold the lock of the file
        with pytest.raises(TargetUnusable, match="not empty"):
            target.open_database(tmp_path_factory.mktemp("given"))


def test_a_place_that_all_databases_share_is_told_after_the_first_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TargetUnusable, match="write a target whose open_database makes that place"):
        runner.run_checks(Plan(target="bad_factories:in_this_folder", checks=("smoke",)), Tally())


def test_a_server_with_data_is_left_as_it_is(tmp_path: Path) -> None:
    server = pytest.importorskip("ZEO", reason="no server to ask is here without ZEO")
    pytest.importorskip("zodburi", reason="addresses are read by zodburi")
    address, stop = server.server(str(tmp_path / "served.fs"))
    try:
        database = changed(DB(server.client(address)), lambda root: root.update(mine=1))
        last = database.lastTransaction()
        target = resolve(Plan(uri=f"zeo://{address[0]}:{address[1]}?wait_timeout=5"))
        with pytest.raises(TargetUnusable, match="its root has the key 'mine'"):
            target.open_database(tmp_path)
        database.close()
        database = DB(server.client(address))
        assert database.lastTransaction() == last
        database.close()
    finally:
        stop()


# What is seen.


@pytest.mark.parametrize("name", EACH)
def test_a_new_database_holds_nothing(name: str, tmp_path: Path) -> None:
    database = resolve(Plan(target=name)).open_database(tmp_path)
    assert held(database) == ""
    assert held(changed(database, lambda root: root.update(a=1))) == "its root has the key 'a'"
    database.close()


def test_a_new_storage_holds_nothing_and_neither_does_one_with_an_empty_root() -> None:
    storage = MappingStorage()
    assert stored(storage) == ""
    DB(storage)
    assert stored(storage) == ""


def test_keys_are_named_and_those_beyond_the_third_counted() -> None:
    storage = MappingStorage()
    changed(DB(storage), lambda root: root.update(a=1, b=2, c=3, d=4, e=5))
    assert stored(storage) == "its root has the keys 'a', 'b', 'c' and 2 more"


def test_an_empty_root_with_a_history_is_seen() -> None:
    storage = DemoStorage()
    database = changed(DB(storage), lambda root: root.update(a=1))
    changed(database, lambda root: root.clear())
    assert stored(storage).startswith("its root is empty, but it holds more transactions")


def test_records_without_a_root_are_seen() -> None:
    storage = MappingStorage()
    storage.tpc_begin(work := transaction.Transaction())
    storage.store(b"\0" * 7 + b"\7", None, b"anything", "", work)
    storage.tpc_vote(work)
    storage.tpc_finish(work)
    assert stored(storage) == "it holds 1 records, and no root among them"


def test_a_root_that_cannot_be_read_is_somebodys() -> None:
    storage = MappingStorage()
    storage.tpc_begin(work := transaction.Transaction())
    storage.store(bytes(8), None, b"anything", "", work)
    storage.tpc_vote(work)
    storage.tpc_finish(work)
    assert stored(storage).startswith("its root can't be read (UnpicklingError: ")


def test_a_database_without_a_storage_is_looked_at_through_a_connection() -> None:
    class Bare:
        """What a database has that shows no records."""

        def __init__(self, database: Any) -> None:
            self.open = database.open

    database = zodb_reference.DB()
    assert held(Bare(database)) == ""
    changed(database, lambda root: root.update(a=1))
    assert held(Bare(database)) == "its root has the key 'a'"


def test_a_connection_that_looked_leaves_nothing_loaded() -> None:
    database = DB(MappingStorage())
    emptiness._keys_by_connection(database)
    assert (
        database.open(transaction_manager=transaction.TransactionManager()).root()._p_changed
        is None
    )


def test_what_cannot_be_looked_at_is_left_to_the_checks() -> None:
    assert held(object()) == ""
    assert stored(object()) == ""
