"""Databases with one fault each, made from the reference; plain programs can open them too."""

from __future__ import annotations

import itertools
from contextlib import suppress

from transaction import TransactionManager
from zodb_reference import DB
from zodb_reference.connections import Connection
from zodb_reference.errors import ConnectionStateError

opened = itertools.count(1)


def faultless(directory):
    return DB()


class AddsNothing(Connection):
    def add(self, obj):
        """Leave the object as it is."""


class SyncFails(Connection):
    def sync(self):
        raise OSError("the line is dead")


class AddsAnything(Connection):
    def add(self, obj):
        if obj._p_jar is None:
            super().add(obj)


class RefusesForeignOnly(Connection):
    def add(self, obj):
        if obj._p_jar is not None:
            super().add(obj)


class LosesB(Connection):
    def setstate(self, obj):
        super().setstate(obj)
        vars(obj).pop("b", None)


class TakesChangesWhenClosed(Connection):
    def register(self, obj):
        with suppress(ConnectionStateError):
            super().register(obj)


class GetsTheRoot(Connection):
    def get(self, oid):
        return super().get(bytes(8))


class GetsTheNext(Connection):
    def get(self, oid):
        return super().get((int.from_bytes(oid) + 1).to_bytes(8) if any(oid) else oid)


class GetsFromAnother(Connection):
    def get(self, oid):
        other = self.db().open(TransactionManager()) if any(oid) else self
        return Connection.get(other, oid)


def with_connections(kind):
    return lambda directory: type("Faulty", (DB,), {"connection_class": kind})()


adds_nothing = with_connections(AddsNothing)
sync_fails = with_connections(SyncFails)
adds_anything = with_connections(AddsAnything)
refuses_foreign_only = with_connections(RefusesForeignOnly)
loses_b = with_connections(LosesB)
gets_the_root = with_connections(GetsTheRoot)
gets_the_next = with_connections(GetsTheNext)
gets_from_another = with_connections(GetsFromAnother)
takes_changes_when_closed = with_connections(TakesChangesWhenClosed)


def adds_nothing_at_first(directory):
    """The first database that is opened has the fault, and no other."""
    return (adds_nothing if next(opened) == 1 else faultless)(directory)


def stands_still(directory):
    """The last transaction never seems to change."""
    database = DB()
    first = database.lastTransaction()
    database.lastTransaction = lambda: first
    return database


def runs_backwards(directory):
    """Later transactions seem to be earlier ones."""
    database = DB()
    correct = database.lastTransaction
    first = int.from_bytes(correct())
    database.lastTransaction = lambda: (2 * first - int.from_bytes(correct())).to_bytes(8)
    return database


def never_stands_still(directory):
    """There is a new transaction whenever somebody looks."""
    database = DB()
    tids = itertools.count(int.from_bytes(database.lastTransaction()))
    database.lastTransaction = lambda: next(tids).to_bytes(8)
    return database
