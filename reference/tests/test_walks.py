"""Random walks of three groups of connections over storages that fail at random.

Whatever fails, in memory and in the storage everything fits together afterwards.
"""

import contextlib
import random

import pytest
import transaction
from persistent import Persistent
from several_databases import Collection
from zodb_reference.oids import z64
from zodb_reference.storages import MemoryStorage

WALKS = 100
STEPS = 80


class Item(Persistent):
    def __init__(self, x):
        self.x = x
        self.next = None


class Named(Item):
    """The references to it name no class."""

    def __new__(cls, *_):
        return super().__new__(cls)

    def __getnewargs__(self):
        return (0,)


class Merging(Item):
    def _p_resolveConflict(self, old, committed, new):
        return {**new, "x": committed["x"] + new["x"] - old["x"]}


class Failure(Exception):
    pass


class Unreliable(MemoryStorage):
    """Fails now and then, before it has done anything, except that it can always abort."""

    numbers = None

    def fail_sometimes(self):
        if self.numbers is not None and self.numbers.random() < 0.03:
            raise self.numbers.choice([Failure, KeyboardInterrupt])


def failing_sometimes(name):
    def call(self, *args):
        self.fail_sometimes()
        return getattr(MemoryStorage, name)(self, *args)

    return call


for _name in (
    *("new_oid", "lastTransaction", "loadBefore"),
    *("tpc_begin", "store", "tpc_vote", "tpc_finish"),
):
    setattr(Unreliable, _name, failing_sometimes(_name))


class Walk:
    def __init__(self, seed, names):
        self.numbers = random.Random(seed)
        self.names = names
        self.collection = Collection()
        self.dbs = [self.collection.add(name, Unreliable()) for name in names]
        self.managers = [transaction.TransactionManager() for _ in range(3)]
        self.connections = [self.dbs[0].open(manager) for manager in self.managers]
        self.items = [Item(0)]
        self.savepoints = []
        for db in self.dbs:
            db.storage.numbers = self.numbers

    def run(self):
        steps = [getattr(self, name) for name in dir(Walk) if name.startswith("step_")]
        for _ in range(STEPS):
            self.who = self.numbers.randrange(3) if self.numbers.random() < 0.5 else 0
            with contextlib.suppress(Exception, KeyboardInterrupt):  # refusals are welcome
                self.numbers.choice(steps)()
        for db in self.dbs:
            db.storage.numbers = None
        for manager in self.managers:
            manager.abort()
            manager.begin()

    @property
    def connection(self):
        """A connection of the group whose turn it is."""
        return self.connections[self.who].get_connection(self.numbers.choice(self.names))

    def any_item(self):
        return self.numbers.choice(self.items)

    def step_make(self):
        self.items.append(self.numbers.choice([Item, Named, Merging])(self.numbers.randrange(100)))

    def step_change(self):
        self.any_item().x += 1

    def step_link(self):
        self.any_item().next = self.any_item()

    def step_unlink(self):
        self.any_item().next = None

    def step_attach(self):
        self.connection.root()[self.numbers.randrange(4)] = self.any_item()

    step_attach_too = step_attach

    def step_detach(self):
        del self.connection.root()[self.numbers.randrange(4)]

    def step_load(self):
        self.items.append(self.connection.root()[self.numbers.randrange(4)])

    def step_follow(self):
        self.items.append(self.any_item().next or Item(0))

    def step_get(self):
        self.items.append(self.connection.get(self.any_item()._p_oid))

    def step_add(self):
        self.connection.add(self.any_item())

    def step_mark(self):
        self.connection.readCurrent(self.any_item())

    def step_deactivate(self):
        self.any_item()._p_deactivate()

    def step_minimize(self):
        self.connection.cacheMinimize()

    def step_savepoint(self):
        self.savepoints.append(self.managers[self.who].savepoint())

    step_savepoint_too = step_savepoint

    def step_roll_back(self):
        valid = [savepoint for savepoint in self.savepoints if savepoint.valid]
        self.numbers.choice(valid).rollback()

    def step_begin(self):
        self.managers[self.who].begin()

    def step_commit(self):
        self.managers[self.who].commit()

    step_commit_too = step_commit

    def step_abort(self):
        self.managers[self.who].abort()

    def step_close(self):
        self.connections[self.who].close()

    def step_open(self):
        if self.connections[self.who].opened is None:
            self.connections[self.who] = self.dbs[0].open(self.managers[self.who])

    def open_connections(self):
        """Return all members of the groups that are open."""
        groups = [group.connections for group in self.connections if group.opened is not None]
        return [connection for group in groups for connection in group.values()]


def identity(item):
    return None if item is None else (item._p_jar.db().database_name, item._p_oid)


def content(item):
    """Return what makes an item comparable with that of another connection."""
    if not isinstance(item, Item):
        return {name: identity(value) for name, value in item.items()}
    return item.x, identity(item.next)


def reachable(items):
    """Return these items, and what the unsaved ones of them lead to."""
    found = {}
    left = list(items)
    while left:
        item = left.pop()
        if item is not None and id(item) not in found:
            found[id(item)] = item
            left += [vars(item).get("next")] if item._p_jar is None else []
    return found.values()


def check_storages(connection, stored):
    """Every reference leads somewhere."""
    for name, oid in stored:
        item = connection.get_connection(name).get(oid)
        for target in [item.next] if isinstance(item, Item) else item.values():
            if target is not None:
                target._p_activate()


def check_ownership(items, stored):
    for item in reachable(items):
        if item._p_jar is None:
            assert (item._p_oid, item._p_changed, item._p_serial) == (None, False, z64)
            assert "x" in vars(item), "the state of an unsaved object is lost"
        else:
            assert identity(item) in stored, "an object is owned and not stored"


def check_cache(connection, fresh):
    for oid, item in list(connection.objects.cache.items()):
        assert item._p_changed is not True
        if item._p_changed is False:
            newest = fresh.get_connection(identity(item)[0]).get(oid)
            assert content(item) == content(newest), "a cached object is stale"
            assert item._p_serial == newest._p_serial


@pytest.mark.parametrize("names", [("1",), ("1", "2")], ids=["one", "two"])
@pytest.mark.parametrize("seed", range(WALKS))
def test_memory_and_storages_fit_together_after_a_walk_with_failures(seed, names):
    walk = Walk(seed, names)
    walk.run()
    fresh = walk.collection.connect(*names)[0]
    stored = {
        (name, record.oid)
        for name, db in walk.collection.databases.items()
        for txn in db.storage.iterator()
        for record in txn
    }
    check_storages(fresh, stored)
    check_ownership(walk.items, stored)
    for connection in walk.open_connections():
        check_cache(connection, fresh)
    fresh.close()

    for connection in walk.open_connections():
        connection.root()["end"] = Item(0)
        connection.transaction_manager.commit()
        walk.managers[0].begin(), walk.managers[1].begin(), walk.managers[2].begin()
    for db in walk.dbs:
        db.close()
