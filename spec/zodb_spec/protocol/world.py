"""The nouns of the storage protocol, and how they are told as Python.

A `World` is an immutable value: a store with its history, the handles by which a program reaches
it, and the transaction that is being committed.  Everything that the program holds has the name of
its variable: oids (``oid3``), tids (``tid7``), what it tells of a transaction (``meta5``).  Tids
carry nothing but their order, which is that of the history.

What is expected of a call is kept as Python text: the same text is evaluated by the suite, and
shown by a witness.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

from zodb_spec.clause import Part
from zodb_spec.editions import CURRENT, Edition
from zodb_spec.quick import quick
from zodb_spec.world import NOTHING, Fact

Name = str
Oid = Name
Tid = Name

ROOT: Oid = "oid0"
"""The oid of eight zero bytes, from which garbage is told apart."""

NEVER: Tid = "z64"
"""The tid of eight zero bytes: that of an object that was never stored, and of an empty storage."""

STORAGE: Name = "storage"
"""The handle that a program has from the beginning."""

MAPPING, COUNTER, BLOB = "mapping", "counter", "blob"


class Data(NamedTuple):
    """What a record holds.

    kind   MAPPING; COUNTER, whose conflicts can be resolved; or BLOB, which has a file beside it
    value  what it is, how far it has counted, or what is in the file, as Python text
    oids   the objects to which it refers
    """

    kind: str
    value: str
    oids: tuple[Oid, ...] = ()

    @property
    def made(self) -> str:
        """The Python that makes the record."""
        if self.kind == COUNTER:
            return f"counted({self.value})"
        if self.kind == BLOB:
            return "blob_record()"
        return f"content({', '.join((self.value, *self.oids))})"

    @property
    def shown(self) -> str:
        """The Python that is equal to what the record shows: of a blob nothing, which all have in
        common.
        """
        if self.kind == BLOB:
            return "(None, [])"
        return f"({self.value}, [{', '.join(self.oids)}])"


Revision = Fact["Data | None"]
"""A revision of an object; None where it does not exist any more."""


class Notes(NamedTuple):
    """What a storage is told of a transaction, as Python text."""

    user: str
    description: str
    extension: str

    @property
    def made(self) -> str:
        """The Python that makes what stands for the transaction."""
        given = [*self] if self.extension != "{}" else [*self][:2]
        return f"metadata({', '.join(given)})"


class _Committed(NamedTuple):
    """The fields of a `Transaction`."""

    tid: Tid
    notes: Notes
    revisions: Mapping[Oid, Revision]


class Transaction(_Committed):
    """A committed transaction: its tid, what the storage was told of it, and what it stored."""

    @cached_property
    def shown(self) -> str:
        """The Python that is equal to what an iteration shows of it."""
        records = ", ".join(
            f"{oid}: {'None' if fact.value is None else fact.value.shown}"
            for oid, fact in sorted(self.revisions.items())
        )
        return f"({self.tid}, {self.notes.description}, {{{records}}})"


class _Kept(NamedTuple):
    """The fields of a `Store`."""

    history: tuple[Transaction, ...] = ()
    oids: tuple[Oid, ...] = ()
    packed: Tid = NEVER
    resolves: bool | None = False
    latest: str = "protocol.last-transaction"


@quick
class Store(_Kept):
    """What a storage keeps.  It never changes, so what is asked of it again and again is found out
    once; a tuple with named fields alone has no place to keep that.

    history   its transactions, oldest first
    oids      those that it has given away, in that order
    packed    the transaction that was the newest when it was packed, NEVER where it was not
    resolves  whether it resolves conflicts, None where that is not known
    latest    the clause that says which transaction is the last one
    """

    @property
    def last(self) -> Tid:
        """The tid of the newest transaction."""
        return self.history[-1].tid if self.history else NEVER

    @cached_property
    def tids(self) -> tuple[Tid, ...]:
        """The tids of all transactions, oldest first."""
        return tuple([each.tid for each in self.history])

    @cached_property
    def places(self) -> Mapping[Tid, int]:
        """How many transactions there were before each of them, by its tid."""
        return {tid: place for place, tid in enumerate(self.tids)}

    @cached_property
    def lineages(self) -> Mapping[Oid, tuple[tuple[Tid, Revision], ...]]:
        """The revisions of each object with their tids, oldest first."""
        found: dict[Oid, tuple[tuple[Tid, Revision], ...]] = {}
        for each in self.history:
            for oid, revision in each.revisions.items():
                found[oid] = (*found.get(oid, ()), (each.tid, revision))
        return found

    def known(self) -> tuple[Oid, ...]:
        """The oids of which something may be stored."""
        return (ROOT, *self.oids)

    def transaction(self, tid: Tid) -> Transaction:
        """The transaction with a tid."""
        return self.history[self.places[tid]]

    def lineage(self, oid: Oid) -> tuple[tuple[Tid, Revision], ...]:
        """The revisions of an object with their tids, oldest first."""
        return self.lineages.get(oid, ())

    def current(self, oid: Oid) -> tuple[Tid, Revision] | None:
        """The newest revision of an object with its tid, None where there is none."""
        lineage = self.lineage(oid)
        return lineage[-1] if lineage else None

    def serial(self, oid: Oid) -> Tid:
        """The tid of the newest revision of an object, NEVER where there is none."""
        found = self.current(oid)
        return NEVER if found is None else found[0]

    def until(self, tid: Tid) -> Store:
        """The store as it was when a transaction was the newest; empty for NEVER."""
        if tid == self.last:
            return self
        if tid not in self._pasts:
            length = self.places[tid] + 1 if tid != NEVER else 0
            self._pasts[tid] = self._replace(history=self.history[:length])
        return self._pasts[tid]

    @cached_property
    def _pasts(self) -> dict[Tid, Store]:
        """What `until` has given before, so that each is asked about its own past once."""
        return {}


class Handle(NamedTuple):
    """What a program calls.

    is_instance  whether it is an instance with a snapshot of its own
    is_client    whether it is another client of the storage
    snapshot     the newest transaction that it shows, or for one without a snapshot of its own the
                 newest that it is sure to show; None where it has yet to look
    told         what it has to tell the layer above it: the tids and oids of what others have
                 committed, in that order
    """

    is_instance: bool = False
    is_client: bool = False
    snapshot: Tid | None = NEVER
    told: tuple[tuple[Tid, tuple[Oid, ...]], ...] = ()


BEGUN, VOTED, FAILED = "begun", "voted", "failed"


@quick
class Commit(NamedTuple):
    """The transaction that is being committed.

    handle       by which handle
    meta         what stands for it in every call
    notes        what the storage was told of it
    stage        BEGUN, VOTED, or FAILED: then it can only be aborted
    writes       what it is about to store, by oid
    resolved     the objects for which a conflict was resolved
    deleted      those that are deleted
    undone       those of which a change is undone
    refusals     the clauses by one of which the vote will be refused, none where it is to pass
    doubts       the clauses by one of which it may be refused
    spared       the clause by which a call has left it alone: that on refusals where one was
                 refused, and else the last one; "" where none has
    tid          the tid that it was given when it began, for what is restored; "" where the storage
                 is to choose one
    """

    handle: Name
    meta: Name
    notes: Notes
    stage: str = BEGUN
    writes: Mapping[Oid, Revision] = NOTHING
    resolved: frozenset[Oid] = frozenset()
    deleted: frozenset[Oid] = frozenset()
    undone: frozenset[Oid] = frozenset()
    refusals: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    spared: str = ""
    tid: Tid = ""


@quick
class World(NamedTuple):
    """Everything at one moment.

    store    what is kept
    handles  by which handles, by name
    commit   the transaction that is being committed, if there is one
    idle     what has stood for a transaction that was aborted, or finished
    moments  the names of times that were noted, each with the newest transaction then, oldest first
    edition  the edition whose rules are followed
    step     the number of the step that is being taken
    """

    store: Store
    handles: Mapping[Name, Handle]
    commit: Commit | None = None
    idle: tuple[Name, ...] = ()
    moments: tuple[tuple[Name, Tid], ...] = ()
    edition: Edition = CURRENT
    step: int = 0

    def is_behind(self, name: Name) -> bool:
        """Whether a handle that has no snapshot of its own may not have heard of everything."""
        found = self.handles[name]
        return not found.is_instance and found.snapshot != self.store.last

    @property
    def part(self) -> Part:
        """Whose world it is."""
        return "storage"

    def fact(self, value: Data | None, clause: str) -> Revision:
        """A revision that is established now."""
        return Fact(value, clause, self.step)


class Shows(NamedTuple):
    """A call passes, and gives what it should.

    what   Python text that tells what it gave, once it was called
    value  Python text of what that is equal to
    """

    what: str
    value: str

    @property
    def expression(self) -> str:
        """The Python that is true where it does."""
        return f"{self.what} == {self.value}"

    @property
    def told(self) -> str:
        """What is expected, in words."""
        return "success" if self.what == self.value else self.value


PASSES = Shows("True", "True")
"""A call passes, and gives nothing of meaning."""


def initial(*, resolves: bool | None = False, edition: Edition = CURRENT) -> World:
    """The world at the beginning: a storage in which nothing was ever stored."""
    return World(Store(resolves=resolves), {STORAGE: Handle()}, edition=edition)
