"""The nouns of the model.

A `World` is an immutable value: databases with their histories, the collections that they form,
transaction managers, connections and their groups, savepoints, and the objects in memory that the
program holds.  Things that the program holds have names (``thing1``, ``connection2``), as its
variables would; records name each other by oid.

Oids and tids are opaque.  In the model they are small numbers, which each database counts for
itself: oid 0 is the root, tid 0 stands for *never* (eight zero bytes), tid n for the n-th
transaction of a database.  Only equality and order carry meaning.

Every fact that somebody can observe is kept as a `Fact`: the value, the id of the clause that
established it, and the step at which that happened.  When an observation contradicts the world, the
verdict falls on that clause.

Mappings are plain dictionaries that nobody changes after they became part of a world; `put` and
`put_all` make new ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar

from zodb_spec.clause import Part
from zodb_spec.editions import CURRENT, Edition
from zodb_spec.quick import quick

Name = str
Oid = int
Tid = int
Thing = TypeVar("Thing")
Content = TypeVar("Content")

ROOT: Oid = 0
NEVER: Tid = 0


class Fact(NamedTuple, Generic[Content]):
    """Something observable: what it is, which clause established it, and at which step."""

    value: Content
    clause: str
    step: int = 0


# What an attribute can hold.


class Plain(NamedTuple):
    """A value that is not persistent, by its name in `zodb_spec.values`; it is kept by value."""

    name: str


class Number(NamedTuple):
    """The count of a counter."""

    n: int


class Unpicklable(NamedTuple):
    """A value that cannot be pickled, by the name of the reason."""

    reason: str


class InMemory(NamedTuple):
    """A reference to an object that the program holds.

    weak     whether it is a persistent weak reference
    inside   the name of the non-persistent container that holds it, "" for none
    """

    target: Name
    weak: bool = False
    inside: str = ""


class Stored(NamedTuple):
    """A reference in a record, by oid; otherwise as `InMemory`.

    database  the database of the object, "" where it is that of the record
    """

    oid: Oid
    weak: bool = False
    inside: str = ""
    database: Name = ""


Value = Plain | Number | Unpicklable | InMemory | Stored
State = Mapping[str, Value]

NOTHING: Mapping[Any, Any] = MappingProxyType({})

# The status of an object in memory.
UNSAVED = "unsaved"  # neither jar nor oid
ADDED = "added"  # owned, and not yet stored
CHANGED = "changed"  # owned, and different from its record
CLEAN = "clean"  # owned; loaded or not, as the cache likes
# These two are looked for in the step that established them, and mean no more than CLEAN from then
# on, with one exception: a ghost stays one until it is used, so that a connection which reads
# current revisions can't have its state from before (`current-read.conflict`).
GHOST = "ghost"  # owned, and not loaded
LOADED = "loaded"  # owned, unchanged and loaded


@quick
class Object(NamedTuple):
    """A persistent object in memory that the program holds.

    kind    its class, by name (`zodb_spec.kinds`)
    owner   (connection, oid), or None while it is unsaved
    status  one of UNSAVED, ADDED, CHANGED, CLEAN, GHOST, LOADED
    state   what it holds in memory; None where that is what its record says, seen through its
            connection's snapshot
    base    the tid of the revision that a changed object was made from
    disowned  whether it was owned once, in a transaction that came to nothing
    """

    kind: str
    owner: Fact[tuple[Name, Oid] | None]
    status: Fact[str]
    state: Fact[State | None]
    base: Tid = NEVER
    disowned: bool = False


class Record(NamedTuple):
    """One revision of one object.

    kind     its class, by name
    state    what it holds; None says that the object does not exist
    base     the tid of the revision from which the program made this one, NEVER for the first one
    version  the version that it belongs to, "" for the trunk
    """

    kind: str
    state: State | None
    base: Tid = NEVER
    version: str = ""


class Transaction(NamedTuple):
    """A committed transaction: what it stored, each record with the clause by which it was
    stored.
    """

    tid: Tid
    records: Mapping[Oid, Fact[Record]]


@quick
class Database(NamedTuple):
    """A database: its history, its place in a collection, and what was found out about its free
    choices.

    history         its transactions, oldest first
    next_oid        the model's next oid; oids of failed transactions are not used again
    resolves        whether its storage resolves conflicts, None where that is not known
    empty_recorded  whether a transaction that stores nothing is recorded, None as long as nobody
                    saw one
    versions        whether its storage has versions, None where that is not known
    name            its name in its collection (`database_name`)
    collection      which collection of databases it belongs to: the program's name for the first
                    of them
    packed          the transaction that was the newest when it was packed, `NEVER` where it was
                    not: nobody can look at what was before that one, nor go back behind it
    """

    history: tuple[Transaction, ...]
    next_oid: Oid = 1
    resolves: bool | None = False
    empty_recorded: bool | None = None
    versions: bool | None = False
    name: str = "unnamed"
    collection: Name = "db"
    packed: Tid = NEVER

    @property
    def last(self) -> Tid:
        """The tid of the newest transaction."""
        return self.history[-1].tid

    def transaction(self, tid: Tid) -> Transaction:
        """The transaction with a tid."""
        return next(each for each in reversed(self.history) if each.tid == tid)

    def revision(self, oid: Oid, at: Tid, version: str = "") -> tuple[Tid, Fact[Record]] | None:
        """What a version shows of an object, the trunk if it is "", of what is not newer than `at`:
        the newest revision, unless that belongs to another version, and then the newest one in the
        trunk; None where there is none.
        """
        shown = {version, ""}
        for transaction in reversed(self.history):
            if transaction.tid <= at and oid in transaction.records:
                found = transaction.records[oid]
                if found.value.version in shown:
                    return transaction.tid, found
                shown = {""}
        return None

    def holder(self, oid: Oid) -> str:
        """The version that holds an object, "" where none does."""
        if not self.versions:
            return ""
        found = newest(self.history, oid)
        return "" if found is None else found[1].value.version

    def oids(self) -> list[Oid]:
        """The oids of all records there ever were."""
        return sorted({oid for transaction in self.history for oid in transaction.records})


class View(NamedTuple):
    """How a connection was opened, beside its manager.

    point    the point in the past that it shows, as it was given; "" for one that follows the
             newest state
    version  the version that it works in, "" for the trunk
    mvcc     whether it reads revisions that are not current any more
    synch    whether its manager tells it of the boundaries of transactions
    """

    point: str = ""
    version: str = ""
    mvcc: bool = True
    synch: bool = True

    def shows_as(self, other: View) -> bool:
        """Whether a connection that was opened so may be opened like another one later: the one
        that a pool keeps has its point and its version for life.
        """
        return (self.point, self.version) == (other.point, other.version)

    @property
    def reads_current(self) -> bool:
        """Whether it reads nothing but current revisions."""
        return not self.mvcc or self.version != ""


USUAL = View()
"""How a connection is opened where nothing is said."""


@quick
class Connection(NamedTuple):
    """A connection.

    database      the database that it reads
    manager       its transaction manager (the last one, once it is closed)
    is_open       whether it is open
    boundaries    the snapshot points that it had, oldest first; the last one is in force
    registered    the objects that changed or were added in the running transaction, in that order
    read_current  the oids marked by readCurrent in the running transaction
    forgotten     those that were marked in earlier transactions
    cached        the oids of which its cache may have an object that the program does not hold
    group         the group of connections that it belongs to: the name of the first of them
    is_pooled     whether its database hands it out again, once it is closed; the rest of its group
                  comes with it
    saved         what the savepoints of the running transaction have stored, by oid
    created       the objects that savepoints of the running transaction have stored for the first
                  time: for each oid, whether they were merely reached, and not added
    horizon       the newest tid that each database had at the last boundary of the group
    view          how it was opened
    conflicts     whether a read has failed in the running transaction, because what it would have
                  read is not current any more
    invalid       whether its cache was declared invalid, and no boundary has come since
    replaced      where other objects have taken the places of objects in the running transaction:
                  for each oid, the step at which that happened last
    left_over     the oids for which that has happened in earlier transactions, and for which
                  objects that are loaded since may still lead to the one that has lost its place
    """

    database: Name
    manager: Name
    is_open: Fact[bool]
    boundaries: tuple[Fact[Tid], ...]
    registered: tuple[Name, ...] = ()
    read_current: frozenset[Oid] = frozenset()
    forgotten: frozenset[Oid] = frozenset()
    cached: frozenset[Oid] = frozenset()
    group: Name = ""
    is_pooled: bool = True
    saved: Mapping[Oid, Fact[Record]] = NOTHING
    created: Mapping[Oid, bool] = NOTHING
    horizon: Mapping[Name, Tid] = NOTHING
    view: View = USUAL
    conflicts: bool = False
    invalid: bool = False
    replaced: Mapping[Oid, int] = NOTHING
    left_over: frozenset[Oid] = frozenset()

    @property
    def snapshot(self) -> Tid:
        """The tid up to which it sees the history."""
        return self.boundaries[-1].value


class Change(NamedTuple):
    """What a database is to do with a version when a transaction is committed.

    database     the database
    source       the version
    destination  where its data goes, "" for the trunk; None where it is given up
    """

    database: Name
    source: str
    destination: str | None


class Undo(NamedTuple):
    """A transaction that a database is to undo when another one is committed.

    database  the database
    tid       the transaction that is to be undone
    """

    database: Name
    tid: Tid


@quick
class Manager(NamedTuple):
    """A transaction manager.

    status   "usable", "failed" or "doomed": the state of its current transaction
    joined   the connections that joined the current transaction, in that order
    limbo    the objects of a commit that failed: nothing is said about them before the transaction
             is aborted
    changes  what databases are to do when the current transaction is committed
    """

    status: Fact[str]
    joined: tuple[Name, ...] = ()
    limbo: frozenset[Name] = frozenset()
    changes: tuple[Change | Undo, ...] = ()


class Saved(NamedTuple):
    """What a savepoint keeps of one connection; as the fields of `Connection` with these names."""

    saved: Mapping[Oid, Fact[Record]]
    created: Mapping[Oid, bool]
    replaced: Mapping[Oid, int] = NOTHING


class Savepoint(NamedTuple):
    """A savepoint.

    manager  the manager whose transaction it belongs to
    valid    whether one can return to it
    members  the connections that had joined the transaction
    is_used  whether the transaction has returned to it
    """

    manager: Name
    valid: Fact[bool]
    members: Mapping[Name, Saved]
    is_used: bool = False


@quick
class World(NamedTuple):
    """Everything at one moment, by the names of the program's variables.  Objects that the program
    gave up are no longer in it.

    databases    the databases, `db` first
    managers     the transaction managers
    connections  the connections, the closed ones too
    objects      the persistent objects in memory
    savepoints   the savepoints, those that are no longer valid too
    edition      the edition whose rules are followed
    step         the number of the step that is being taken
    """

    databases: Mapping[Name, Database]
    managers: Mapping[Name, Manager]
    connections: Mapping[Name, Connection]
    objects: Mapping[Name, Object]
    savepoints: Mapping[Name, Savepoint] = NOTHING
    edition: Edition = CURRENT
    step: int = 0

    @property
    def part(self) -> Part:
        """Whose world it is."""
        return "connection"

    def database_of(self, connection: Name) -> Database:
        """The database of a connection."""
        return self.databases[self.connections[connection].database]

    def held(self, connection: Name, oid: Oid) -> Name | None:
        """The name of the object of a connection with this oid, if the program holds it."""
        owner = (connection, oid)
        for name, thing in self.objects.items():
            if thing.owner.value == owner:
                return name
        return None

    def member(self, connection: Name, database: Name) -> Name | None:
        """The connection to a database that is in the group of another one, if it has a name."""
        group = self.connections[connection].group
        for name, found in self.connections.items():
            if found.group == group and found.database == database:
                return name
        return None

    def group(self, connection: Name) -> list[Name]:
        """The connections of a group of which one is given."""
        group = self.connections[connection].group
        return [name for name, found in self.connections.items() if found.group == group]

    def put(self, table: str, name: Name, value: Any) -> World:
        """The world with one entry of one of its mappings set."""
        changed: dict[str, Any] = {table: {**getattr(self, table), name: value}}
        return self._replace(**changed)

    def put_all(self, table: str, values: Mapping[Name, Any]) -> World:
        """The world with several entries of one of its mappings set."""
        changed: dict[str, Any] = {table: {**getattr(self, table), **values}}
        return self._replace(**changed) if values else self

    def fact(self, value: Any, clause: str) -> Fact[Any]:
        """A fact that is established now."""
        return Fact(value, clause, self.step)


def newest(history: tuple[Transaction, ...], oid: Oid) -> tuple[Tid, Fact[Record]] | None:
    """The newest revision of an object, in whatever version, None where there is none."""
    for transaction in reversed(history):
        if oid in transaction.records:
            return transaction.tid, transaction.records[oid]
    return None


def current(history: tuple[Transaction, ...], oid: Oid) -> Tid:
    """The tid of the newest revision of an object, `NEVER` where there is none."""
    for transaction in reversed(history):
        if oid in transaction.records:
            return transaction.tid
    return NEVER


def state_of(world: World, name: Name) -> Fact[Any]:
    """What an object holds, in memory or else in the record that its connection shows.

    The fact is (State, base tid), or (None, NEVER) where there is no record of it.
    """
    thing = world.objects[name]
    if thing.state.value is not None:
        return Fact((thing.state.value, thing.base), thing.state.clause, thing.state.step)
    assert thing.owner.value is not None
    connection, oid = thing.owner.value
    found = revision_of(world, connection, oid)
    if found is None or found[1].value.state is None:
        return Fact((None, NEVER), thing.state.clause, thing.state.step)
    tid, record = found
    return Fact((record.value.state, tid), record.clause, record.step)


def revision_of(world: World, connection: Name, oid: Oid) -> tuple[Tid, Fact[Record]] | None:
    """The revision of an object that a connection shows, and the serial that it shows it with: what
    its savepoints have stored, or else what its snapshot has.
    """
    found = world.connections[connection]
    saved = found.saved.get(oid)
    if saved is not None:
        return saved.value.base, saved
    return world.database_of(connection).revision(oid, found.snapshot, found.view.version)
