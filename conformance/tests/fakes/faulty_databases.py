"""Databases with one fault each, made from the reference; plain programs can open them as well."""

from __future__ import annotations

import itertools
from contextlib import suppress

from zodb_reference import DB
from zodb_reference.connection import Connection
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


class LosesB(Connection):
    def setstate(self, obj):
        super().setstate(obj)
        vars(obj).pop("b", None)


class TakesChangesWhenClosed(Connection):
    def register(self, obj):
        with suppress(ConnectionStateError):
            super().register(obj)


def with_connections(kind):
    return lambda directory: type("Faulty", (DB,), {"connection_class": kind})()


adds_nothing = with_connections(AddsNothing)
sync_fails = with_connections(SyncFails)
adds_anything = with_connections(AddsAnything)
loses_b = with_connections(LosesB)
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
