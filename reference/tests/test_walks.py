"""Random walks of three connections over a storage that fails at random.

Whatever fails, in memory and in the storage everything fits together afterwards.
"""

import contextlib
import random

import pytest
import transaction
from persistent import Persistent
from zodb_reference import DB
from zodb_reference.oids import maxtid, z64
from zodb_reference.records import own_references
from zodb_reference.storages import MemoryStorage

WALKS = 60
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
    def __init__(self, seed):
        self.numbers = random.Random(seed)
        self.storage = Unreliable()
        self.db = DB(self.storage)
        self.managers = [transaction.TransactionManager() for _ in range(3)]
        self.connections = [self.db.open(manager) for manager in self.managers]
        self.items = [Item(0)]
        self.storage.numbers = self.numbers

    def run(self):
        steps = [getattr(self, name) for name in dir(Walk) if name.startswith("step_")]
        for _ in range(STEPS):
            self.who = self.numbers.randrange(3) if self.numbers.random() < 0.5 else 0
            with contextlib.suppress(Exception, KeyboardInterrupt):  # refusals are welcome
                self.numbers.choice(steps)()
        self.storage.numbers = None
        for manager in self.managers:
            manager.abort()
            manager.begin()

    @property
    def connection(self):
        return self.connections[self.who]

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

    def step_begin(self):
        self.managers[self.who].begin()

    def step_commit(self):
        self.managers[self.who].commit()

    step_commit_too = step_commit

    def step_abort(self):
        self.managers[self.who].abort()

    def step_close(self):
        self.connection.close()

    def step_open(self):
        if self.connection.opened is None:
            self.connections[self.who] = self.db.open(self.managers[self.who])


def content(item):
    """Return what makes an item comparable with that of another connection."""
    if not isinstance(item, Item):
        return {name: value._p_oid for name, value in item.items()}
    return item.x, item.next and item.next._p_oid


@pytest.mark.parametrize("seed", range(WALKS))
def test_memory_and_storage_fit_together_after_a_walk_with_failures(seed):
    walk = Walk(seed)
    walk.run()
    stored = {record.oid for txn in walk.storage.iterator() for record in txn}
    for oid in stored:
        record, _, _ = walk.storage.loadBefore(oid, maxtid)
        assert {*own_references(record)} <= stored, "a reference leads nowhere"

    for item in filter(lambda item: item is not None, walk.items):
        if item._p_jar is None:
            assert (item._p_oid, item._p_changed, item._p_serial) == (None, False, z64)
            assert "x" in vars(item), "the state of an unsaved object is lost"
        else:
            assert item._p_oid in stored, "an object is owned and not stored"

    with walk.db.transaction() as fresh:
        fresh.cacheMinimize()
        for connection in (c for c in walk.connections if c.opened is not None):
            for oid, item in list(connection.objects.cache.items()):
                assert item._p_changed is not True
                if item._p_changed is False:
                    newest = fresh.get(oid)
                    assert content(item) == content(newest), "a cached object is stale"
                    assert item._p_serial == newest._p_serial

    for connection in (c for c in walk.connections if c.opened is not None):
        connection.root()["end"] = Item(0)
        connection.transaction_manager.commit()
        walk.managers[0].begin(), walk.managers[1].begin(), walk.managers[2].begin()
    walk.db.close()
