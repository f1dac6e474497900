"""Random walks of both storages side by side: stores, versions, undo, packing, in any order."""

import random
from base64 import b64decode
from contextlib import closing

import pytest
from zodb_reference.errors import (
    ConflictError,
    POSKeyError,
    UndoError,
    VersionError,
)
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import new_tid, p64, z64
from zodb_reference.storages import MemoryStorage, SQLiteStorage, twophase
from zodb_reference.storages.history import just_after

OIDS = [p64(number) for number in range(5)]
VERSIONS = ["", "v", "w"]
BEGIN = 1_600_000_000  # seconds since the epoch
GONE = (None, [None, None, None])


def references(data):
    return [data[place : place + 8] for place in range(0, len(data) // 8 * 8, 8)]


class Walk:
    """Does to each of some storages the same, each transaction ten seconds after the last."""

    def __init__(self, seed, *storages):
        self.dice = random.Random(seed)
        self.storages = storages
        self.now = BEGIN
        self.before = {}  # by transaction: the states before it

    def step(self):
        """Do something, and check what it did; return the kind of it, and why it was refused."""
        kind = self.dice.choice(["store"] * 4 + ["commit", "abort"] + ["undo"] * 3 + ["pack"])
        before, points = self.agreed(state), points_of(self.storages[0])
        past = self.agreed(lambda storage: snapshots(storage, points))
        if kind == "pack":
            collects = self.pack()
            after = self.agreed(state)
            for oid in OIDS:
                assert after[oid] in ([before[oid], GONE] if collects else [before[oid]])
            return kind, None
        choices = self.choices(kind)
        log = self.storages[0].undoLog(0, 10)
        self.now += 10
        refusals = {self.perform(storage, kind, choices) for storage in self.storages}
        assert len(refusals) == 1
        after = self.agreed(state)
        assert self.agreed(lambda storage: snapshots(storage, points)) == past
        if refusals != {None}:
            assert after == before
        else:
            self.before[new_tid(z64, self.now)] = before
            if kind == "undo" and len(choices) == 1 and choices[0] < len(log):
                self.check_undone(b64decode(log[choices[0]]["id"]), before, after)
        return kind, *refusals

    def pack(self):
        t, collects = self.dice.uniform(BEGIN, self.now), self.dice.random() < 0.5
        for storage in self.storages:
            storage.pack(t, references, collects)
        return collects

    def choices(self, kind):
        if kind == "store":
            many = self.dice.sample(OIDS, self.dice.randint(1, 3))
            texts = (b"", b"x", b"y")
            return self.dice.choice(VERSIONS), [
                (oid, self.dice.choice(OIDS) * self.dice.randint(0, 1) + self.dice.choice(texts))
                for oid in many
            ]
        if kind == "undo":
            return [self.dice.randint(0, 5) for _ in range(self.dice.choice((1, 1, 1, 2, 3)))]
        return self.dice.choice(VERSIONS[1:]), self.dice.choice(VERSIONS)

    def perform(self, storage, kind, choices):
        """Return None, or the name of the error by which a storage refused."""
        meta = TransactionMetaData()
        log = storage.undoLog(0, 10)
        storage.tpc_begin(meta, new_tid(z64, self.now))
        try:
            if kind == "store":
                version, records = choices
                for oid, data in records:
                    newest = storage._history.newest(oid)
                    storage.store(oid, newest.tid if newest else z64, data, version, meta)
            elif kind == "commit":
                storage.commitVersion(*choices, meta)
            elif kind == "abort":
                storage.abortVersion(choices[0], meta)
            else:
                for place in choices:
                    if place < len(log):
                        storage.undo(log[place]["id"], meta)
            storage.tpc_vote(meta)
            storage.tpc_finish(meta)
        except (ConflictError, UndoError, VersionError) as error:
            return type(error).__name__
        finally:
            storage.tpc_abort(meta)
        return None

    def check_undone(self, tid, before, after):
        """Check that all objects are in the version, and have the data, from before `tid`."""
        (undone,) = self.storages[0].iterator(tid, tid)
        oids = {record.oid for record in undone}
        for oid in OIDS:
            expected = self.before[tid] if oid in oids else before
            version, shown = expected[oid]
            assert after[oid][0] == version
            place = VERSIONS.index(version or "")
            assert after[oid][1][place] == shown[place]

    def agreed(self, look):
        """Return what all storages tell; they must tell the same."""
        first, *others = map(look, self.storages)
        for other in others:
            assert other == first
        return first


def asked(call, *arguments):
    try:
        return call(*arguments)
    except POSKeyError:
        return None


def state(storage):
    """Return what is shown of each object, without tids."""
    return {
        oid: (
            asked(storage.modifiedInVersion, oid),
            [(asked(storage.load, oid, version) or [None])[0] for version in VERSIONS],
        )
        for oid in OIDS
    }


def everything(storage):
    """Return all that a storage tells."""
    transactions = list(storage.iterator())
    return [
        [(one.tid, one.status, list(one)) for one in transactions],
        [asked(storage.load, oid, version) for oid in OIDS for version in VERSIONS],
        [asked(storage.getTid, oid) for oid in OIDS],
        snapshots(storage, points_of(storage)),
        [asked(storage.loadSerial, oid, one.tid) for oid in OIDS for one in transactions],
        [asked(storage.history, oid, version, 100) for oid in OIDS for version in VERSIONS],
        [entry["id"] for entry in storage.undoLog(0, 100)],
        sorted(storage.versions()),
        storage.lastTransaction(),
        len(storage),
    ]


def points_of(storage):
    """Return the points before each transaction, and the one before the next."""
    return [one.tid for one in storage.iterator()] + [just_after(storage.lastTransaction())]


def snapshots(storage, points):
    """Return data and tids that the trunk showed at some points."""
    return [[(asked(storage.loadBefore, oid, point) or ())[:2] for point in points] for oid in OIDS]


@pytest.mark.parametrize("seed", range(6))
def test_both_storages_do_what_they_should_and_the_same(tmp_path, monkeypatch, seed):
    def refuse(oid, *conflict, errors):
        raise errors.ConflictError(oid=oid)

    monkeypatch.setattr(twophase, "resolve", refuse)
    path = tmp_path / "test.sqlite"
    with closing(SQLiteStorage(path, versions=True)) as storage:
        walk = Walk(seed, MemoryStorage(versions=True), storage)
        done = {walk.step() for _ in range(150)}
        told = walk.agreed(everything)
    assert done >= {
        ("store", None),
        ("store", "VersionLockError"),
        ("undo", None),
        ("undo", "MultipleUndoErrors"),
        ("pack", None),
    }
    with closing(SQLiteStorage(path, versions=True, read_only=True)) as storage:
        assert everything(storage) == told
