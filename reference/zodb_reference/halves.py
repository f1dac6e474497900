"""Which commits to several databases are in some of them only, asked of what the databases hold.

Nothing is kept for this purpose but the note that each of them has beside the transaction
(`zodb_reference.joint`): where one database has a commit, and another that the note names has not,
it is a half commit. So it does not matter who noticed when it happened, or whether anybody did.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from zodb_reference.errors import StorageError
from zodb_reference.joint import NOTE
from zodb_reference.oids import z64
from zodb_reference.records import inert

#: Under which key a transaction says in its extension which half commits it repairs.
REPAIRS = "zodb_reference.repairs"


@dataclass(frozen=True)
class HalfCommit:
    """A commit that some of its databases have and others have not.

    `tids` are its tids in the databases that have it, by their names. `missing` are the names of
    those that have not, `unknown` of those that are not open in the collection and were not asked,
    or have been packed since, and may have forgotten it.
    """

    id: str
    tids: Mapping[str, bytes]
    missing: tuple[str, ...]
    unknown: tuple[str, ...] = ()

    def repaired_by(self, transaction: Any) -> None:
        """Have noted, when `transaction` is committed, that it repairs this one.

        It may be a transaction to any database of the collection. From then on this half commit is
        told no more.
        """
        repaired = transaction.extension.get(REPAIRS, [])
        transaction.setExtendedInfo(REPAIRS, [*repaired, self.id])


@dataclass
class _Found:
    """What the histories tell: of each commit its databases, and its tids in some of them."""

    databases: dict[str, set[str]] = field(default_factory=dict)
    tids: dict[str, dict[str, bytes]] = field(default_factory=dict)
    repaired: set[str] = field(default_factory=set)
    packed: dict[str, bytes] = field(default_factory=dict)  # the last packed one of each database

    def read(self, name: str, database: Any, since: bytes | None = None) -> None:
        """Read the history of the database `name`."""
        for tid, is_packed, extension in _noted(name, database.storage, since):
            if is_packed:
                self.packed[name] = max(tid, self.packed.get(name, tid))
            self.repaired.update(extension.get(REPAIRS, ()))
            if NOTE in extension:
                ident = extension[NOTE]["id"]
                self.databases[ident] = set(extension[NOTE]["databases"])
                self.tids.setdefault(ident, {})[name] = tid

    def halves(self, asked: Iterable[str]) -> Iterator[HalfCommit]:
        """Yield what some of the databases that were asked have and others have not."""
        for ident, names in self.databases.items():
            first = min(self.tids[ident].values())
            known = {name for name in asked if self.packed.get(name, z64) < first}
            missing = names.intersection(known).difference(self.tids[ident])
            if missing and ident not in self.repaired:
                yield HalfCommit(
                    ident,
                    dict(sorted(self.tids[ident].items())),
                    tuple(sorted(missing)),
                    tuple(sorted(names.difference(known, self.tids[ident]))),
                )


def half_commits(databases: Mapping[str, Any], since: bytes | None = None) -> list[HalfCommit]:
    """Return the half commits of a collection, in the order of their tids; see `DB.half_commits`.

    Raises `StorageError` where a storage can't be iterated over.
    """
    asked = dict(databases)
    found = _Found()
    for name, database in asked.items():
        found.read(name, database, since)
    # What was committed since its database was read, or lies before `since` there, is not missing.
    doubtful = list(found.halves(asked))
    for name in {name for half in doubtful for name in half.missing}:
        found.read(name, asked[name])
    ids = {half.id for half in doubtful}
    halves = [half for half in found.halves(asked) if half.id in ids]
    return sorted(halves, key=lambda half: min(half.tids.values()))


def _noted(
    name: str, storage: Any, since: bytes | None
) -> Iterator[tuple[bytes, bool, dict[Any, Any]]]:
    """Yield of the transactions the tid, whether they were packed, and the extension."""
    if not hasattr(storage, "iterator"):
        raise StorageError(
            f"half commits cannot be told: the storage of the database {name!r}, {storage!r}, has"
            " no iterator(); compare the histories by other means, or move to one that has"
        )
    for each in storage.iterator(since):
        yield each.tid, each.status == "p", _extension(each)


def _extension(transaction: Any) -> dict[Any, Any]:
    """Return the extension of a transaction, empty where it has no note for certain."""
    data: bytes | None = getattr(transaction, "extension_bytes", None)
    found: dict[Any, Any] = {}
    if data is None:
        found = transaction.extension
    elif NOTE.encode() in data or REPAIRS.encode() in data:
        found = inert(data)
    return found
