"""Why clauses are weaker than the rows of the catalogue that they cover (see `answers`)."""

from __future__ import annotations

WEAKER: dict[str, str] = {
    "blob.conflict-leaves-no-files": (
        "the row is about the content; a file that nobody knows of any more does no harm to that"
    ),
    "blob.failed-commit-keeps-new": (
        "the row is about the state in memory, and that of a blob is a file, which may be too"
        " large to be had twice; what is lost must not read as empty, though"
    ),
    "boundary.cleared-manager": (
        "the row speaks of connections that are registered; what becomes of those that were, before"
        " somebody cleared the manager, no document says"
    ),
    "broken.may-be-referenced": (
        "of rows that are duties for the rest, this is the sentence that says MAY"
    ),
    "cache.opening-spares-others": (
        "the row says what a reduction does, and not when there is one; a change that nobody was "
        "told of may be lost at any time"
    ),
    "cache.size-honoured": (
        "the row is about the call that reduces a cache; when a connection makes that call by "
        "itself is a matter of memory, and no document promises a moment"
    ),
    "cache.sync-reduces": (
        "the rows are about the call that reduces a cache, and about what sync shows; the text "
        "of the interface says that sync makes that call, which is a matter of memory"
    ),
    "collection.closed-gives-its-name-back": (
        "another row has every name refused that is in the mapping, and the mapping is the "
        "program's, which can take the entry out; no edition's documents say who has to"
    ),
    "collection.closed-says-so": (
        "what is used after it was closed fails in any case, and no edition's documents say how"
    ),
    "collection.empty-name-may-be-lost": (
        "of a row that says how names are today, this is what it says in brackets of the "
        "editions before; to lose a name is a flaw, which nobody has to share"
    ),
    "collection.second-entry": (
        "the rows speak of the collection that the databases have made; here the program has "
        "changed it behind their backs, and what does not fit any more is refused at the commit"
    ),
    "connection.identity-ends-with-the-last-reference": (
        "the second half of the row takes a promise back, which leaves a freedom"
    ),
    "connection.newer-object-is-a-conflict": (
        "a storage whose snapshots are those of a database server can't look beyond them, and says "
        "that there is no such object; the clause that is a MUST asks for an error"
    ),
    "connection.old-state-of-a-closed-one": "of a row about old states, this is what it says MAY",
    "connection.opened-says-when": (
        "the rows ask for connections that are open or closed; that an attribute tells which, the "
        "list of changes of ZODB 3.9 says and the interface does not"
    ),
    "database.activity-monitor": (
        "the row is about the counts that a monitor reads; no interface has monitors, and they are "
        "known from the list of what a database can do"
    ),
    "database.activity-monitor-may-fail": (
        "the row speaks of callbacks; a monitor is called in the same moment, and no document "
        "says what becomes of one that fails"
    ),
    "database.cache-detail": (
        "the row says what the reports are about and that they change nothing; how an entry looks, "
        "no document says"
    ),
    "database.cache-detail-size": (
        "the row says what the reports are about and that they change nothing; how an entry looks, "
        "no document says"
    ),
    "database.cache-extreme-detail": (
        "the row says what the reports are about and that they change nothing; how an entry looks, "
        "no document says"
    ),
    "database.cache-last-gc-time": (
        "a report for people, which the documents leave out and which not every cache can "
        "give; nothing depends on it"
    ),
    "database.closed-says-so": (
        "what is used after it was closed fails in any case, and no edition's documents say how"
    ),
    "database.connection-debug-entries": (
        "the row says what the reports are about and that they change nothing; how an entry looks, "
        "no document says"
    ),
    "database.last-transaction": (
        "the interface of storages asks the client of a server for what it has heard of last, and "
        "not for what the server knows"
    ),
    "database.pack-is-for-quiet-times": (
        "advice to a program, which follows from what the rows allow"
    ),
    "database.transaction-loss-is-told": (
        "the rows say what becomes of connections and of the block, and not what it is told "
        "where somebody closes the database under it"
    ),
    "database.undo-error-says-so": (
        "that it fails is what keeps the data; ids are opaque, and no edition's documents say "
        "what becomes of bytes that never were one"
    ),
    "database.undo-info-in-text": (
        "the row speaks of storages, where user and description are bytes; that a database "
        "takes what it gives is said by its interface alone"
    ),
    "historical.debug-entries": (
        "the row says what the reports are about and that they change nothing; how an entry looks, "
        "no document says"
    ),
    "historical.moments-are-clock-time": (
        "advice to a program, which follows from how tids are made"
    ),
    "isolation.read-current-alone": (
        "what the row says SHOULD about is a group of connections; in one database alone, the "
        "check of a transaction that writes nothing may be skipped"
    ),
    "joint.end-between-finishes": (
        "of a row about what must not happen, this is the sentence that says what can't be excluded"
    ),
    "joint.equal-sort-keys": (
        "the row asks for an order by the sort keys; where they are equal, it leaves a freedom"
    ),
    "persistence.committed-stay-loaded": (
        "a cache that is smaller than the transaction, or that its storage asks to forget "
        "everything, makes ghosts, and nothing is lost; the clause that is a MUST speaks of what "
        "is read"
    ),
    "pool.abandoned-do-not-count": (
        "the row is about connections that are open; when Python notices that nobody has one any "
        "more depends on the interpreter"
    ),
    "pool.discarded-lets-go": (
        "the row asks that a discarded connection is not opened again; what it costs until Python "
        "has collected it is a matter of memory"
    ),
    "pool.timed-out-is-not-taken": (
        "the row has idle connections dropped by the next open, and does not say whether that "
        "comes before or after the open has taken one"
    ),
    "savepoint.data-outside-of-memory": (
        "that the data is kept apart is a MUST; how much memory it takes is a matter of size: an "
        "implementation for small databases may keep it there"
    ),
    "storage.copy-moves-records-with-their-transaction": (
        "the row asks for later tids where those of the source are out of order, and says "
        "nothing of the records; one that keeps its own can still be loaded"
    ),
    "storage.copy-over-later-transactions": (
        "the row on tids that are not later says that they should be refused, and leaves it to "
        "a storage to take them"
    ),
    "storage.cut-off-is-transient": (
        "the row is about what is announced; that a program may try again, no document promises of "
        "a client without its server"
    ),
    "storage.deletion-of-a-deletion": (
        "of what becomes of an object that is deleted twice no document speaks, and it makes no "
        "difference"
    ),
    "storage.finish-without-vote": (
        "of a row about what must not happen, this is the sentence that says SHOULD"
    ),
    "storage.history-has-a-serial": (
        "another name for what the entry tells already, for programs of earlier days"
    ),
    "storage.history-sizes": (
        "a size is for people; what is compressed, or kept once for two revisions, has none of "
        "its own"
    ),
    "storage.iterator-leaves-votes-out": (
        "a transaction that is finished a moment later, and is told as a whole and in its "
        "place, does a copy no harm"
    ),
    "storage.iterator-takes-names": (
        "the row says what the bounds do; programs pass them by their places"
    ),
    "storage.iterator-tells-the-pickled-extension": (
        "the row asks for the extension; a storage that keeps nothing for long need not pickle it"
    ),
    "storage.layer-takes-any-oids": (
        "the row names the call; that oids can be gone through once alone, the interface says of "
        "others, and not of this call"
    ),
    "storage.load-version-is-empty": (
        "today's interface has no version in load; one that takes the argument still, and shows "
        "what everybody sees, tells nothing that is wrong"
    ),
    "storage.announces-no-own": (
        "the row is about what others have committed; to tell the layer of its own besides costs "
        "time, and nothing else"
    ),
    "storage.instance-callback-comes-first": (
        "the layer above instances asks them what has changed, and gives no callback to any"
    ),
    "storage.none-is-no-transaction": (
        "no document says that None may be given, or what is to become of it"
    ),
    "storage.read-only-refuses-pack": (
        "the row speaks of what changes a storage; that packing, which leaves all current data "
        "alone, counts as such is what FileStorage says, and what ZEO and RelStorage do not"
    ),
    "storage.record-iteration-of-nothing": (
        "no document says which error tells that there is no record, and a database has its root"
    ),
    "storage.refusal-spares-the-current": (
        "the row says that the call fails; where nobody but one connection uses a storage, giving "
        "up both loses nothing without saying so"
    ),
    "storage.refuses-tids-of-the-past": (
        "of a row about given tids, this is the sentence that says SHOULD"
    ),
    "storage.sort-keys-differ": (
        "a storage can't know what keys others have, so the row asks for what is likely"
    ),
    "storage.announces-what-was-deleted": (
        "a row of its own lets readers keep what was deleted; whoever writes it has a conflict, so "
        "nothing comes back"
    ),
    "storage.deletion-after-vote": (
        "of a row about what must not happen, this is the sentence that says SHOULD"
    ),
    "storage.restore-after-vote": (
        "of a row about what must not happen, this is the sentence that says SHOULD"
    ),
    "storage.blob-after-vote": (
        "of a row about what must not happen, this is the sentence that says SHOULD"
    ),
    "storage.blob-restored-after-vote": (
        "of a row about what must not happen, this is the sentence that says SHOULD"
    ),
    "storage.store-after-vote": (
        "of a row about what must not happen, this is the sentence that says SHOULD"
    ),
    "storage.pack-holds-nobody-up": (
        "the row has nobody fail, and nothing lost; a small storage in memory that is locked for a "
        "moment keeps that too"
    ),
    "storage.store-of-what-is-gone": (
        "of an object of which nothing is left nobody can say what its current revision was; to "
        "take it for a new one loses nothing"
    ),
    "storage.undo-belongs-to-first-phase": (
        "the row has calls in the wrong order refused where it says SHOULD; that they do no harm "
        "is its MUST, and a clause of its own"
    ),
    "storage.undo-errors-together": (
        "the row leaves two errors; one error for all is what a person needs who wants to go on, "
        "and nothing depends on it"
    ),
    "storage.undo-info-items-have-to-be-there": (
        "what the interface says of a key that is missing follows from its wording alone, and "
        "nobody comes to harm by an entry too many"
    ),
    "storage.undo-log-filters": (
        "the interface lets the client of a server pass over the filter, which can't be sent"
    ),
    "storage.undo-log-outlives-classes": (
        "no document says what becomes of what can't be read; the row is about what the log tells"
    ),
    "storage.undo-log-tells-extensions": "the interface says that such items may be in an entry",
    "storage.undo-merges": (
        "to refuse is safe, and a storage that compares states without calling classes can do no "
        "better; no interface has classes asked in an undo"
    ),
    "storage.undo-merges-several": (
        "to refuse is safe, and a storage that compares states without calling classes can do no "
        "better; no interface has classes asked in an undo"
    ),
    "storage.undo-of-nothing-says-so": (
        "that it fails is what keeps the data; ids are opaque, and no document says what becomes "
        "of bytes that never were one"
    ),
    "storage.poll-names-what-has-changed": (
        "the row has all changes told, or that they are not known; to tell more is to have it read "
        "again, which costs time and nothing else"
    ),
    "storing.pretending-classes-are-ordinary": (
        "names that begin with _p_ are the system's own, so a class that has one asks for it; and "
        "where it is refused, nothing is lost"
    ),
    "thread.database-close-is-told": (
        "the row has the transactions aborted, and does not say what a thread is told whose "
        "transaction another one has ended"
    ),
    "thread.opening-against-database-close": (
        "no document says that a database can be closed while other threads use it, although"
        " servers do it when they are shut down"
    ),
    "storage.gc-asks-of-what-stays": (
        "the row says what stays and what goes, and not what is asked on the way; a pack that "
        "fails loses nothing"
    ),
    "storage.gc-is-optional": (
        "the rows are about a pack that collects garbage, as the interface has it; an argument "
        "that says not to is of some storages only"
    ),
    "storage.gc-leaves-no-object": (
        "the client of a server may show what it has kept, as the interface has it for all that it "
        "has heard of; that the storage has removed it is a MUST, and a clause of its own"
    ),
    "storage.gc-passes-over-broken-references": (
        "the row says what stays and what goes; of records that are missing no document speaks, "
        "and a pack that is refused loses nothing"
    ),
    "storage.gc-spares-what-is-new": (
        "the interface has everything collected that can't be reached through the revisions that "
        "are left, whenever it was stored; storages that keep histories in files have always "
        "spared what came later"
    ),
    "storage.outdated-read-is-told": (
        "the row names the error; what it has with it is for a person who looks for the reason, "
        "and for the message"
    ),
    "storage.declares-how-it-commits": (
        "of a row about how a storage behaves, this is the sentence that says SHOULD"
    ),
    "storage.none-for-what-is-new": (
        "the row, like the interface, has eight zero bytes; that None does as well is what ZODB's "
        "own tests of storages ask for"
    ),
    "storage.blob-failed-is-left-out": (
        "whoever goes on after a call has failed does not keep to the protocol; what the row says"
        " is owed to those who abort"
    ),
    "storage.blob-opening-against-pack": (
        "what a pack has removed can't be read in any case; that the error says so, and is not one"
        " of the file system, helps the program"
    ),
    "storage.blob-packed-is-gone": (
        "caches of clients go on to have what was packed, of records as of files; it is still what"
        " it was, and who asks for a revision that is gone gets nothing wrong"
    ),
    "storage.blob-garbage-is-gone": ("as for what was packed: the cache of a client may have it"),
    "storage.blob-not-writable": (
        "the row says whose the file is from then on; permissions are a help against mistakes, and "
        "not every file system has them"
    ),
    "storage.making-can-be-interrupted": (
        "the rows are about transactions; where none was finished yet, none is lost"
    ),
    "storage.survives-some-writes": (
        "no row says what a disk does; a storage that only writes at the end of its file relies on "
        "file systems that order this, which many do"
    ),
    "storage.syncs-the-folder": (
        "no row says what a disk does; that names need a sync of their folder is what POSIX says, "
        "and file systems in wide use keep them without"
    ),
    "storage.wrapped-undo-merges": (
        "as for what is not wrapped: to refuse is safe; that nothing is stored which the layer "
        "can't read is a MUST, and a clause of its own"
    ),
}
"""Clauses that are weaker than the strongest row they cover, and the reason."""
