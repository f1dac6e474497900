"""Storages that work until a transaction stores a third record, for tests with the real runner."""

from __future__ import annotations

import ctypes
import itertools
import re
import sys

from ZODB import POSException
from ZODB.FileStorage import FileStorage
from ZODB.MappingStorage import MappingStorage
from ZODB.tests.hexstorage import HexStorage
from zodb_conformance.targets.deferring import Deferred
from zodb_reference.storages import MemoryStorage, SnapshotStorage


class Bad(MappingStorage):
    """Does something else with the third record of a transaction."""

    stored = 0

    def tpc_begin(self, transaction, tid=None, status=" "):
        self.stored = 0
        sys.stdout.write("\033[2J begin\n")
        return super().tpc_begin(transaction)

    def store(self, oid, serial, data, version, transaction):
        self.stored += 1
        if self.stored == 3:
            self.fall()
        return super().store(oid, serial, data, version, transaction)

    def fall(self):
        """What happens then."""


class Segfaulting(Bad):
    def fall(self):
        ctypes.string_at(0)


class Hanging(Bad):
    def fall(self):
        re.match("(a+)+$", "a" * 64 + "b")


class Refusing(MappingStorage):
    """Stores nothing but roots."""

    def store(self, oid, serial, data, version, transaction):
        if oid != bytes(8):
            raise ValueError("no room for another object")
        return super().store(oid, serial, data, version, transaction)


class Lacking:
    """A storage without some methods.

    names  what they are called
    """

    def __init__(self, *names):
        vars(self).update(names=names, storage=MappingStorage())

    def __getattr__(self, name):
        if name in self.names:
            raise AttributeError(f"'Lacking' object has no attribute {name!r}")
        return getattr(self.storage, name)

    def __setattr__(self, name, value):
        setattr(self.storage, name, value)


def without_oids(directory):
    return Lacking("new_oid")


def without_last(directory):
    return Lacking("lastTransaction")


class Otherwise(MappingStorage):
    def store(self, oid, serial, data, transaction):
        return super().store(oid, serial, data, "", transaction)


def called_otherwise(directory):
    return Otherwise()


def refusing(directory):
    return Refusing("refusing")


def printing(directory):
    return Bad("bad")


def segfaulting(directory):
    return Segfaulting("bad")


def hanging(directory):
    return Hanging("bad")


def raising(directory):
    raise ConnectionRefusedError(111, "Connection refused")


def nothing(directory):
    return None


class Resurrecting(MappingStorage):
    """Stores what it was told to abort."""

    def tpc_abort(self, transaction):
        if transaction is self._transaction:
            self.tpc_finish(transaction)


class Truncating(MappingStorage):
    """Keeps no more than 64 KiB of a record."""

    def store(self, oid, serial, data, version, transaction):
        return super().store(oid, serial, data[: 1 << 16], version, transaction)


class Unchecking(MappingStorage):
    """Lets a transaction commit whose reads are out of date."""

    def checkCurrentSerialInTransaction(self, oid, serial, transaction):  # noqa: N802
        pass


def right(directory):
    return MemoryStorage(errors=POSException)


numbers = itertools.count(1)


def in_order(directory):
    """In a commit, the database that was opened first comes first."""
    return MappingStorage(f"{next(numbers):06}")


def backwards(directory):
    """In a commit, the database that was opened last comes first."""
    return MappingStorage(f"{10**6 - next(numbers):06}")


def late(directory):
    """Conflicts are told in the vote, as the interface leaves it."""
    storage = MappingStorage()
    Deferred(storage)
    return storage


def resurrecting(directory):
    return Resurrecting()


def truncating(directory):
    return Truncating()


def unchecking(directory):
    return Unchecking()


made = itertools.count(1)


def used_up(directory):
    """The first databases can be opened, and no others after them."""
    if next(made) > 4:
        raise OSError(28, "No space left on device")
    return MappingStorage("good")


def wrapped_snapshots(directory):
    """A wrapper that hands on what it wraps, and knows nothing of instances."""
    return HexStorage(SnapshotStorage(MemoryStorage(errors=POSException)))


def in_a_file(directory):
    return FileStorage(f"{directory}/Data.fs")


def in_a_file_that_may_be_read_only(directory, read_only=False):
    return FileStorage(f"{directory}/Data.fs", read_only=read_only)


places = {}


def kept_elsewhere(directory):
    """What was committed is there when the folder is opened again, as long as the process lives."""
    storage = MappingStorage("elsewhere")
    storage.__dict__ = places.setdefault(directory, storage.__dict__)
    storage._opened = True
    return storage
