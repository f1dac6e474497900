"""What a target is: something that opens databases, and says what it can do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypedDict, Unpack

from zodb_spec.clause import STORAGE_ALONE
from zodb_spec.editions import EDITIONS, Edition

DURABLE = "durable"
INSTANCES = "instances"
OLD = "old-revisions"
READ_ONLY = "read-only"
RESOLUTION = "conflict-resolution"
SEVERAL = "several-databases"
VERSIONS = "versions"

TRIED = (DURABLE, OLD, READ_ONLY)
"""The capabilities that are tried where a target says nothing of them: no interface tells them."""

DEFAULT = "reference-memory"
SHORT = {"": DEFAULT, "reference": DEFAULT}
"""What else the default target is called."""

DOUBLE = "double:"
"""What the names of targets begin with that are faulty doubles."""

BASELINES = {
    "ZODB.DB": ("zodb-mapping", "zodb-demo"),
    "zodb_reference.DB": ("reference-memory", "reference-memory"),
}
"""The registered targets that show what a connection level does over a storage that is right: over
one that does not resolve conflicts, and over one that does.
"""

BASELINES_OF_SNAPSHOTS = {"ZODB.DB": "zodb-snapshots"}
"""The same over a storage that brings its own snapshots, and is right: connection levels use those
in another way.
"""


class Layers(NamedTuple):
    """How storages are opened that keep changes of another one, which stays as it is.

    open   opens an empty one over a storage that is open, with an empty folder for its changes:
           ``open(base, directory)``
    lines  the lines of Python that open one over ``base`` as ``storage``, for witnesses
    """

    open: Callable[[Any, Path], Any]
    lines: tuple[str, ...]


class Cut(NamedTuple):
    """How a client loses its connection to what serves it.

    cut    has it lose the connection for now, and gives what lets it come back: ``cut(storage)``
    lines  the lines of Python that do that to ``storage``, and bind the other to ``come_back``; for
           witnesses
    """

    cut: Callable[[Any], Callable[[], None]]
    lines: tuple[str, ...]


class Storage(NamedTuple):
    """A way to open storages.

    open      opens an empty one in a folder of its own: ``open(directory)``
    lines     the lines of Python that open one as ``storage``, for witnesses
    versions  how it is opened so that it has versions, None where nothing is to be said for that
    read_only  how what is there already is opened so that nothing can be changed, None where that
              can't be done
    crash     kills what serves the storage of a folder, as ``kill -9`` does, and starts it again
              over the same data: ``crash(directory)``; None where a storage is the work of the
              process that opens it
    over      how a storage of changes is opened over such a storage, None where there is none
    lost      how a client loses its connection, None where it has none that could be lost

    To open one in the folder of another is to open the same again, where it is durable; as long as
    the other is open, that is another client of the same data, where it can have several.  In the
    lines, ``directory`` is what a folder is then handed on by.
    """

    open: Callable[[Path], Any]
    lines: tuple[str, ...]
    versions: Storage | None = None
    read_only: Storage | None = None
    crash: Callable[[Path], None] | None = None
    over: Layers | None = None
    lost: Cut | None = None


class Connections(NamedTuple):
    """What stands between a storage and the program, and works over other storages too.

    path   where its ``DB`` is found, as in ``ZODB.DB``
    make   makes a database: ``make(storage, **options)``
    lines  the lines of Python that make ``db`` of ``storage``, which the last of them does; for
           witnesses
    extras  names that examples use and that depend on the implementation
    """

    path: str
    make: Callable[..., Any]
    lines: tuple[str, ...]
    extras: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Target:
    """An implementation under test.

    name           what it is called in reports
    open_database  makes a database in an empty folder of its own: ``open_database(directory,
                   **options)``
    lines          the lines of Python that create an empty database ``db``, for witnesses
    level          "storage" or "connection": what the target supplies
    database       the implementation of the connection level: the path of its ``DB``
    capabilities   what it declares that it can do, by name (see `CAPABILITIES`)
    unknown        capabilities of which it says nothing, and which no check relies on either way
    extras         names that examples use and that depend on the implementation
    distributions  the distributions whose versions a report names
    storage        how its storage is opened alone, None where that can't be done
    connections    what stands over that storage, None where that can't be put over another one
    second         the target on which every database after the first is opened, None where that is
                   this one
    plain          the same connections over a storage that can do less, for the clauses on what
                   those must do who lack a capability; None where there is none
    edition        the name of the edition by which it is judged
    knows_editions  whether its databases are opened for an edition: by the option ``edition``
    """

    name: str
    open_database: Callable[..., Any]
    lines: tuple[str, ...]
    level: str = "storage"
    database: str = ""
    capabilities: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()
    extras: Mapping[str, Any] = field(default_factory=dict)
    distributions: tuple[str, ...] = ()
    storage: Storage | None = None
    connections: Connections | None = None
    second: Target | None = None
    plain: Target | None = None
    edition: str = "current"
    knows_editions: bool = False

    def suited(self, needs: Iterable[str], without: Iterable[str] = ()) -> Target | None:
        """Which of the two a clause is held against, this one or the plain one: the one that has
        every capability that the clause `needs`, and that is known to be `without` others.  None
        where that is neither.
        """
        lacked = frozenset(without)
        for each in (self.plain, self) if lacked else (self,):
            if each is None or not each.capabilities.issuperset(needs):
                continue
            if lacked.isdisjoint(each.capabilities | each.unknown):
                return each
        return None

    @property
    def resolves(self) -> bool | None:
        """Whether its storage resolves conflicts, None where it does not say."""
        return None if RESOLUTION in self.unknown else RESOLUTION in self.capabilities

    @property
    def versions(self) -> bool | None:
        """Whether connections can work in versions, None where it does not say."""
        if Edition(self.edition) not in ONLY_IN[VERSIONS]:
            return False
        return None if VERSIONS in self.unknown else VERSIONS in self.capabilities

    @property
    def in_edition(self) -> bool:
        """Whether its databases are of the edition by which it is judged."""
        return self.knows_editions or self.edition == "current"

    @property
    def baseline(self) -> str:
        """The registered target that shows what the connection level of this one does by itself;
        "" where none does.
        """
        if INSTANCES in self.capabilities and self.database in BASELINES_OF_SNAPSHOTS:
            return BASELINES_OF_SNAPSHOTS[self.database]
        plain, resolving = BASELINES.get(self.database, ("", ""))
        return resolving if self.resolves else plain

    @property
    def packages(self) -> dict[str, str]:
        """The versions of the distributions that matter for what was found."""
        found = {}
        for name in (*self.distributions, "persistent", "transaction"):
            try:
                found[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                found[name] = "not installed"
        return found


def changed(target: Target, **changes: Any) -> Target:
    """A target with some of its fields changed; those of a subclass make a plain one."""
    return Target(**{each.name: getattr(target, each.name) for each in fields(Target)} | changes)


class Facts(TypedDict, total=False):
    """What can be said of a target beside how it opens databases (see `Target`)."""

    level: str
    capabilities: frozenset[str]
    unknown: frozenset[str]
    extras: Mapping[str, Any]
    distributions: tuple[str, ...]
    plain: Target | None
    knows_editions: bool


def over(name: str, connections: Connections, storage: Storage, **facts: Unpack[Facts]) -> Target:
    """The target that opens its databases with such connections over such a storage."""

    def open_database(directory: Path, **options: Any) -> Any:
        return connections.make(storage.open(directory), **options)

    facts["extras"] = {**connections.extras, **facts.get("extras", {})}
    facts["capabilities"] = facts.get("capabilities", frozenset()) | {STORAGE_ALONE}
    return Target(
        name=name,
        open_database=open_database,
        lines=(*connections.lines[:-1], *storage.lines, connections.lines[-1]),
        database=connections.path,
        storage=storage,
        connections=connections,
        **facts,
    )


CAPABILITIES: dict[str, str] = {
    "several-databases": "Several of its databases can be open at once, in one collection.",
    "conflict-resolution": "The storage merges conflicting changes through `_p_resolveConflict`.",
    "iteration": "The storage can list its transactions with `iterator`.",
    "raw-records": "The storage is reachable as `db.storage`, and its records can be read.",
    "class-factory": "The database looks classes up through its `classFactory`.",
    "persistent-classes": "The implementation brings a metaclass for persistent classes.",
    "cache-reset": "The module of its connections has a function `resetCaches`.",
    "cache-invalidation": "All caches can be declared invalid: `db.invalidateCache()`.",
    "connection-function": "A function makes a database and gives its one connection.",
    "large-record-warning": "It warns about records of `large_record_size` bytes or more.",
    "references": "The database finds the references in a record: `db.references(data)`.",
    STORAGE_ALONE: "The storage can be opened alone, and driven through its protocol.",
    OLD: "Revisions that are not current any more can be read until they are packed.",
    "record-iteration": "The storage lists its current records: `record_iternext`.",
    "deletion": "Objects can be deleted by somebody who collects garbage: `deleteObject`.",
    "restoring": "Revisions can be copied from other storages: `restore`, `copyTransactionsFrom`.",
    INSTANCES: "The storage brings its own snapshots: `new_instance`, `poll_invalidations`.",
    "blobs": "The storage keeps large data in files of their own: `storeBlob`, `loadBlob`.",
    "blob-restoring": "Blobs can be copied from other storages: `restoreBlob`.",
    "serving": "The storage has what a server asks for: `getTid`, `tpc_transaction` ...",
    DURABLE: "What was committed is there when the folder is opened again.",
    READ_ONLY: "What is there can be opened so that nothing can be changed.",
    "layers": "A storage of changes can be opened over another one, which stays as it is.",
    "several-clients": "Several clients can have the same storage open at once.",
    "reconnecting": "A client that has lost its connection comes back to the same data by itself.",
    "undo": "A committed transaction can be undone by a later one, through `db.undo`.",
    "pack": "What nobody needs any more can be removed, through `db.pack`.",
    "garbage-collection": "A pack removes objects that the root does not lead to any more.",
    "history": "The database lists the revisions of an object: `db.history(oid)`.",
    "historical": "A connection can show a point of the past: `db.open(at=...)` and `before`.",
    "versions": "A connection can work in a version, beside the trunk: `db.open(version=...)`.",
}
"""Every capability with its meaning.  One that is declared is tested; where it is not, its clauses
do not apply.
"""

ONLY_IN = {
    "historical": (Edition.CURRENT,),
    "versions": (Edition.C,),
    STORAGE_ALONE: (Edition.CURRENT,),
}
"""The editions in which a capability exists, where it does not in all of them."""


def existing(capabilities: frozenset[str], edition: str) -> frozenset[str]:
    """Those of some capabilities that exist in an edition, which is named."""
    return frozenset(
        name for name in capabilities if Edition(edition) in ONLY_IN.get(name, EDITIONS)
    )
