"""What can be called on connections and databases: the calls that are possible in each edition.

A call stands here as a program writes it, with arguments by position or by name; an attribute is a
name alone.  An implementation may take further arguments, and call its own ones as it likes: it
owes that these calls are possible.  What they do is told by the clauses about them; the clauses
that quote these calls (`zodb_spec.chapters.interfaces`) say that they are there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from zodb_spec.editions import CURRENT, EDITIONS, Edition

Function = TypeVar("Function", bound=Callable[..., Any])

PLACE = re.compile(r"^(?P<indent> *)\.\.\. CALLS$", re.MULTILINE)
"""The line of a text that the calls take the place of."""


class Period(NamedTuple):
    """The editions in which calls are possible, from the first to the last."""

    since: Edition
    until: Edition

    def __contains__(self, edition: object) -> bool:
        return isinstance(edition, Edition) and self.since <= edition <= self.until


ALWAYS = Period(EDITIONS[0], CURRENT)
UNTIL_C = Period(EDITIONS[0], Edition.C)
ONLY_C = Period(Edition.C, Edition.C)
TODAY = Period(CURRENT, CURRENT)

Calls = Mapping[Period, str]
"""The calls of a period, each on a line of its own."""

CONNECTION: Calls = {
    ALWAYS: """
        root()
        get(oid)
        add(obj)
        close()
        db()
        sync()
        isReadOnly()
        transaction_manager
        connections
        get_connection(database_name)
        onCloseCallback(callback)
        cacheGC()
        cacheMinimize()
        savepoint()
        exportFile(oid)
        exportFile(oid, file)
        importFile(file)
        getDebugInfo()
        setDebugInfo(item)
        setDebugInfo(item, another)
        getTransferCounts()
        getTransferCounts(True)
        getTransferCounts(clear=True)
        new_oid()
        register(obj)
        setstate(obj)
        oldstate(obj, tid)
        exchange(old, new)
        sortKey()
    """,
    UNTIL_C: """
        invalidate(tid, oids)
    """,
    ONLY_C: """
        getVersion()
        modifiedInVersion(oid)
        invalidateCache()
    """,
    TODAY: """
        readCurrent(obj)
        prefetch(obj)
        prefetch(oid, another)
    """,
}

DATABASE: Calls = {
    ALWAYS: """
        open()
        open(transaction_manager=manager)
        close()
        databases
        database_name
        getName()
        getSize()
        objectCount()
        lastTransaction()
        supportsUndo()
        undo(id)
        undo(id, transaction)
        undo(id, txn=transaction)
        undoLog(first, last)
        undoLog(first, last, filter)
        undoInfo()
        undoInfo(first, last)
        undoInfo(first, last, specification)
        getPoolSize()
        setPoolSize(number)
        getCacheSize()
        setCacheSize(number)
        cacheSize()
        cacheDetail()
        cacheDetailSize()
        cacheExtremeDetail()
        cacheMinimize()
        cacheFullSweep()
        connectionDebugInfo()
        getActivityMonitor()
        setActivityMonitor(monitor)
    """,
    ONLY_C: """
        open(version, mvcc, manager, synch)
        open(version='', mvcc=True, transaction_manager=manager, synch=True)
        commitVersion(source)
        commitVersion(source, destination, transaction)
        commitVersion(source, destination='', txn=transaction)
        abortVersion(version)
        abortVersion(version, transaction)
        abortVersion(version, txn=transaction)
        versions()
        versions(number)
        versionEmpty(version)
        modifiedInVersion(oid)
        removeVersionPool(version)
        getVersionPoolSize()
        setVersionPoolSize(number)
        getVersionCacheSize()
        setVersionCacheSize(number)
    """,
    TODAY: """
        open(manager)
        transaction()
        transaction(note)
        undoMultiple(ids)
        undoMultiple(ids, transaction)
        undoMultiple(ids, txn=transaction)
        getCacheSizeBytes()
        setCacheSizeBytes(number)
    """,
}

PACKING: Calls = {
    ALWAYS: """
        pack()
        pack(time)
        pack(time, number)
        pack(t=time)
        pack(days=number)
    """,
}
"""What a database offers that can be packed."""

HISTORY: Calls = {
    ALWAYS: """
        history(oid)
        history(oid, size=number)
    """,
}
"""What a database offers that lists the revisions of an object."""

HISTORICAL: Calls = {
    TODAY: """
        open(at=point)
        open(before=point)
        open(transaction_manager=manager, at=point)
        open(transaction_manager=manager, before=point)
        getHistoricalPoolSize()
        setHistoricalPoolSize(number)
        getHistoricalTimeout()
        setHistoricalTimeout(seconds)
        getHistoricalCacheSize()
        setHistoricalCacheSize(number)
        getHistoricalCacheSizeBytes()
        setHistoricalCacheSizeBytes(number)
    """,
}
"""What a database offers that shows the past."""


def possible(calls: Calls, edition: Edition) -> tuple[str, ...]:
    """The calls that are possible in an edition."""
    return tuple(_lines(text for period, text in calls.items() if edition in period))


def _lines(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from (line.strip() for line in text.splitlines() if line.strip())


def quoting(calls: str) -> Callable[[Function], Function]:
    """Put calls into the text of a function, in place of the line ``... CALLS`` of an example.

    Raises ValueError where it has no such line.
    """

    def decorate(function: Function) -> Function:
        text = function.__doc__ or ""
        found = PLACE.search(text)
        if found is None:
            raise ValueError(f"{function.__name__} has no line `... CALLS`")
        lines = [f"{found['indent']}... {line}" for line in _lines([calls])]
        function.__doc__ = text[: found.start()] + "\n".join(lines) + text[found.end() :]
        return function

    return decorate
