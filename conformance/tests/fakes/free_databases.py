"""Databases that use the freedoms which the specification leaves, each another one."""

from __future__ import annotations

import sys
from contextlib import suppress
from types import MappingProxyType

from zodb_reference import DB
from zodb_reference.committing import Commit
from zodb_reference.connections import Connection
from zodb_reference.errors import (
    ConnectionStateError,
    InvalidObjectReference,
    POSKeyError,
    ReadConflictError,
    StateLoadError,
)
from zodb_reference.identity import IdentityMap
from zodb_reference.oids import p64, u64
from zodb_reference.reading import RecordReader
from zodb_reference.views import CURRENT


class NeverPools(DB):
    """Every connection that it opens is a new one."""

    def give_back(self, connection):
        self._discard([connection])


class LastComesFirst(DB):
    """A connection that was closed is opened again at once, by whoever asks for what it shows."""

    def __init__(self, *args, **options):
        self.kept = []
        super().__init__(*args, **options)

    def give_back(self, connection):
        self.kept.append(connection)
        if len(self.kept) > 1:
            super().give_back(self.kept.pop(0))

    def take_connection(self, view=CURRENT, *, lone=False):
        with suppress(IndexError):  # another thread may have taken it
            last = self.kept.pop()
            if last.view == view and last.group.is_whole() and (last.group.is_lone() or not lone):
                return last
            super().give_back(last)
        return super().take_connection(view, lone=lone)


class LeavesGaps(DB):
    """Every other oid is left out."""

    def new_oid(self):
        super().new_oid()
        return super().new_oid()


class GivesOidsOutOfOrder(DB):
    """Oids are taken in blocks, and the last of a block is given first."""

    def __init__(self, *args, **options):
        self.block = []
        super().__init__(*args, **options)

    def new_oid(self):
        if not self.block:
            self.block = [super(GivesOidsOutOfOrder, self).new_oid() for _ in range(10)]
        return self.block.pop()


class KeepsItsName(DB):
    """A database that was closed stays in the collection, and nobody else gets its name."""

    def close(self):
        super().close()
        self.databases.setdefault(self.database_name, self)


class LeavesTheCollectionLate(DB):
    """A database that was closed stays in the collection until another one wants its name."""

    def _require_place_in_collection(self):
        there = self.databases.get(self.database_name)
        if there is not None and not there.is_open():
            del self.databases[self.database_name]
        super()._require_place_in_collection()

    def close(self):
        super().close()
        self.databases.setdefault(self.database_name, self)


def with_connections(kind):
    """A database class with connections of this kind."""
    return type(kind.__name__, (DB,), {"connection_class": kind, "__doc__": kind.__doc__})


class EmptyCache(Connection):
    """When a transaction begins, and whenever something is added, it makes ghosts of all it can."""

    def add(self, obj):
        super().add(obj)
        self.cacheMinimize()

    def newTransaction(self, transaction):  # noqa: N802  # the interface of synchronizers
        super().newTransaction(transaction)
        self.cacheMinimize()


class ServesNothingClosed(Connection):
    """What was loaded is a ghost once it is closed."""

    def close(self):
        super().close()
        if self.opened is None:
            self.objects.cache.minimize()


class MovesOnlyAtTheBeginning(Connection):
    """It stays at its snapshot after a commit that fails, until the program aborts or begins."""

    def afterCompletion(self, transaction):  # noqa: N802  # the interface of synchronizers
        if transaction.status != "Committing":  # which it still is where the commit has failed
            super().afterCompletion(transaction)


class RecordsNothingEmpty(Commit):
    def finish(self):
        if self.written or self.copied:
            super().finish()
        else:
            self.abort()


class StoresNoEmpty(Connection):
    """A transaction that stores nothing is not recorded."""

    commit_class = RecordsNothingEmpty


class LastChangedFirst(Commit):
    def store_changes(self):
        self._registered.reverse()
        super().store_changes()


class StoresLastChangedFirst(Connection):
    """What was changed last is stored first, and so decides which refusal wins."""

    commit_class = LastChangedFirst


class Cautious(Connection):
    """Of what isn't loaded, `readCurrent` can't say which revision was read, and refuses."""

    def readCurrent(self, obj):  # noqa: N802
        if obj._p_jar is self and obj._p_changed is None:
            raise ValueError("load the object first")
        super().readCurrent(obj)


class JoinsToCheck(Connection):
    """It joins the transaction when something is marked, to have it checked in any case."""

    def readCurrent(self, obj):  # noqa: N802
        super().readCurrent(obj)
        self._join()


class LooksNoFurther(Connection):
    """Like one over a database server, it knows nothing of what is newer than its snapshot."""

    def get(self, oid):
        try:
            return super().get(oid)
        except ReadConflictError:
            if self._announced.is_everything():  # whether it is new is not the question then
                raise
            raise POSKeyError(oid) from None

    __getitem__ = get


class ForgetsWhatItStored(Connection):
    """Its cache is smaller than any transaction."""

    def afterCompletion(self, transaction):  # noqa: N802  # the interface of synchronizers
        super().afterCompletion(transaction)
        self.cacheMinimize()


class CautiousAndForgetful(ForgetsWhatItStored, Cautious):
    """What it has stored has to be loaded again before it can be marked."""


class NamesTheOwnerFirst(Connection):
    """That an object belongs to somebody else is found out before it is known to be closed."""

    def add(self, obj):
        if getattr(obj, "_p_jar", self) not in (self, None):
            raise InvalidObjectReference("it has an owner")
        super().add(obj)


class EmptiesAtSavepoints(Connection):
    """A savepoint, and the way back to it, make ghosts of everything without changes."""

    def savepoint(self):
        savepoint = super().savepoint()
        self.cacheMinimize()
        return savepoint

    def roll_back(self, savepoint):
        super().roll_back(savepoint)
        self.cacheMinimize()


class GoesBackWithMarks(Connection):
    """What is marked after a savepoint is forgotten by the rollback."""

    def savepoint(self):
        savepoint = super().savepoint()
        savepoint.marks = dict(self._read_current)
        return savepoint

    def roll_back(self, savepoint):
        super().roll_back(savepoint)
        self._read_current = dict(savepoint.marks)


class HasNoOldStates(Connection):
    """There are no old states while savepoint data is pending."""

    def oldstate(self, obj, tid):
        if self._scratch is not None:
            raise NotImplementedError("not behind a savepoint")
        return super().oldstate(obj, tid)


class LosesStates(IdentityMap):
    def ghosts_among(self, oids):
        return []


class LosesNewGhosts(Connection):
    """What savepoints have kept of new objects is gone with the transaction."""

    identity_class = LosesStates


class ChecksMarksWithChanges(Connection):
    """What is marked is checked only where the connection has changes of its own."""

    def beforeCompletion(self, transaction):  # noqa: N802  # the interface of synchronizers
        pass


class LooksAtNothingLate(Connection):
    """Nothing is loaded while a commit is under way."""

    def setstate(self, obj):
        if self._commit is not None:
            raise ConnectionStateError("a commit is under way")
        super().setstate(obj)


class LooksAtNothingBeforeTheEnd(Connection):
    """Nothing of what it has stored is loaded before the transaction is over."""

    stored = frozenset()

    def tpc_finish(self, transaction):
        self.stored = self._commit.written.keys() | self._commit.copied
        super().tpc_finish(transaction)

    def afterCompletion(self, transaction):  # noqa: N802  # the interface of synchronizers
        self.stored = frozenset()
        super().afterCompletion(transaction)

    def setstate(self, obj):
        if obj._p_oid in self.stored:
            raise ConnectionStateError("the transaction is not over")
        super().setstate(obj)


class StoresAtTheVote(Commit):
    def store_changes(self):
        pass

    def store_saved(self, scratch):
        self.scratch = scratch

    def check_current(self, read):
        self.read = dict(read)

    def vote(self):
        super().store_changes()
        if self._connection._scratch is not None:
            super().store_saved(self.scratch)
        super().check_current(self.read)
        self.store_put_off()
        super().store_changes()
        self.stale.update(self._snapshot.vote(self._meta))
        self.voted = True


class StoresAllAtTheVote(Connection):
    """The storage gets no record before the vote."""

    commit_class = StoresAtTheVote


class StoresSavedFirst(Connection):
    """What its savepoints have kept and nobody has changed is stored before all else."""

    def commit(self, transaction):
        commit = self._require_commit(transaction)
        commit.date()
        if self._scratch is not None:
            changed = {obj._p_oid for obj in self._registered if obj._p_changed}
            for oid, serial, record in list(self._scratch.records(but=changed)):
                commit.put(oid, serial, record)
                commit.copied.add(oid)
        super().commit(transaction)


class SavesInMemory(Connection):
    """What savepoints keep is in memory, however much it is."""

    def savepoint(self):
        savepoint = super().savepoint()
        self._scratch.max_memory = sys.maxsize
        return savepoint


class RestoresAtOnce(Connection):
    """To return to a savepoint loads what it makes a ghost of."""

    def roll_back(self, savepoint):
        saved = self._scratch.oids()
        super().roll_back(savepoint)
        for found in map(self.objects.find, saved):
            if found is not None:
                found._p_activate()


class KeepsWhatIsLoaded(Connection):
    """Its cache has room for everything, whoever asks for a smaller one."""

    def cacheMinimize(self):  # noqa: N802
        pass

    cacheGC = cacheMinimize  # noqa: N815


class KeepsWhatIsLoadedEverywhere(DB):
    """No cache is made smaller, whoever asks for it."""

    connection_class = KeepsWhatIsLoaded

    def cacheMinimize(self):  # noqa: N802
        pass


class OpensAllAtOnce(Connection):
    """Its group has connections to all databases of the collection from the beginning."""

    is_opening = False

    def open(self, transaction_manager=None):
        super().open(transaction_manager)
        collection = self.db().databases
        if OpensAllAtOnce.is_opening or collection.get(self.db().database_name) is not self.db():
            return
        OpensAllAtOnce.is_opening = True
        try:
            for name, database in collection.items():
                if name == database.database_name and database.is_open():
                    self.get_connection(name)
        finally:
            OpensAllAtOnce.is_opening = False


class SeesOneInstant(Connection):
    """What joins its group in the middle of a transaction shows what was there when it began."""

    instant = MappingProxyType({})

    def _pass_boundary(self):
        super()._pass_boundary()
        databases = self.db().databases.values()
        self.instant = {each: each.lastTransaction() for each in databases if each.is_open()}

    def get_connection(self, database_name):
        is_new = database_name not in self.connections
        found = super().get_connection(database_name)
        if is_new and self.before is None and found.db() in self.instant:
            found._snapshot._point = self.instant[found.db()]
            found._snapshot._before = p64(u64(found._snapshot._point) + 1)
        return found


class LeadsWhenClosed(Connection):
    """The member of a group that is closed goes to its own pool, and the others with it."""

    def close(self):
        if self.opened is not None:
            self.group.primary = self
        super().close()


class KnowsByAnyName(Connection):
    """By a name that a database doesn't know of, it gives what the group has of that database."""

    def get_connection(self, database_name):
        database = self.db().databases.get(database_name)
        return super().get_connection(getattr(database, "database_name", database_name))


class StoresLastOpenedFirst(Connection):
    """Where the sort keys of the storages are equal, it takes another order."""

    def sortKey(self):  # noqa: N802  # the interface of data managers
        storage, colon, number = super().sortKey().rpartition(":")
        return f"{storage}{colon}{(1 << 64) - int(number)}"


class AdoptsAtOnce(Commit):
    def __init__(self, *args):
        super().__init__(*args)
        self._writer.adopts_weakly = True


class TakesWhatItPointsAt(Connection):
    """A new object that a weak reference leads to is stored with it, whoever else refers to it."""

    commit_class = AdoptsAtOnce


class RecognizesDatabases(RecordReader):
    def resolve(self, reference):
        if isinstance(reference, list) and reference[0] in ("m", "n"):
            name = reference[1][0]
            known = vars(self._connection.db()).setdefault("known", {})
            database = self._connection.db().databases.get(name)
            if database is not None and known.setdefault(name, database) is not database:
                raise StateLoadError(f"{name!r} is another database now")
        return super().resolve(reference)


class RecognizesOthers(Connection):
    """It keeps apart databases that have had one name, and refuses to take one for the other."""

    reader_class = RecognizesDatabases


StoresNoEmptyTransaction = with_connections(StoresNoEmpty)

FREE = (
    NeverPools,
    LastComesFirst,
    LeavesGaps,
    GivesOidsOutOfOrder,
    KeepsItsName,
    KeepsWhatIsLoadedEverywhere,
    LeavesTheCollectionLate,
    StoresNoEmptyTransaction,
    with_connections(EmptyCache),
    with_connections(ServesNothingClosed),
    with_connections(MovesOnlyAtTheBeginning),
    with_connections(StoresLastChangedFirst),
    with_connections(Cautious),
    with_connections(JoinsToCheck),
    with_connections(LooksNoFurther),
    with_connections(ForgetsWhatItStored),
    with_connections(NamesTheOwnerFirst),
    with_connections(EmptiesAtSavepoints),
    with_connections(GoesBackWithMarks),
    with_connections(HasNoOldStates),
    with_connections(LosesNewGhosts),
    with_connections(ChecksMarksWithChanges),
    with_connections(LooksAtNothingLate),
    with_connections(CautiousAndForgetful),
    with_connections(LooksAtNothingBeforeTheEnd),
    with_connections(StoresAllAtTheVote),
    with_connections(StoresSavedFirst),
    with_connections(SavesInMemory),
    with_connections(RestoresAtOnce),
    with_connections(OpensAllAtOnce),
    with_connections(SeesOneInstant),
    with_connections(LeadsWhenClosed),
    with_connections(KnowsByAnyName),
    with_connections(StoresLastOpenedFirst),
    with_connections(TakesWhatItPointsAt),
    with_connections(RecognizesOthers),
)
