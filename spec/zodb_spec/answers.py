"""Answers: where the rule catalogue (``rules.md``) and the clauses part, and why.

Every row of a chapter in `STATED` is covered by a clause, or has an answer here.  A gate in the
tests of the specification compares the two, and lets nothing else differ.
"""

from __future__ import annotations

from zodb_spec.weaker import WEAKER

__all__ = [
    "ANSWERS",
    "ELSEWHERE",
    "LATER",
    "OF_THEIR_EDITION",
    "OPPOSITES",
    "STATED",
    "STRONGER",
    "WEAKER",
]


STATED = ("main", "many", "connection", "storage")


"""The chapters of the catalogue whose rows have become clauses.  The others follow."""


ANSWERS: dict[str, str] = {
    "ISO-30": (
        "a proposal that no edition has made a rule: the text joint.one-instant says that an "
        "implementation may do so, and that no program can rely on it"
    ),
}


"""Rows of these chapters that no clause covers: the row, and the reason why not."""


OF_THEIR_EDITION = {
    "storage": (
        "a storage that is opened alone has no edition: what speaks the protocol of 2005 or 2006 "
        "runs on no Python of today, and databases of all editions stand over today's storages"
    ),
}


"""Parts of the specification that state today's rules alone, whatever held before, and why."""


STRONGER: dict[str, str] = {
    "blob.savepoint-is-no-content": (
        "this is what the row says MUST hold where its SHOULD is not followed: a state that was"
        " lost can't be read"
    ),
    "joint.read-current-in-each": (
        "the main statement of the row is about a connection without changes; this is what it says "
        "of those that have some"
    ),
    "pool.strictly-last-in-first-out": (
        "the row lets go of what it says MUST hold in the older editions"
    ),
    "savepoint.new-ghost-disowned": "what the row says MUST hold where its SHOULD is not followed",
    "savepoint.old-state-changes-nothing": (
        "what the row says MUST hold where its SHOULD is not followed"
    ),
    "storage.interface-of-serving": (
        "of a row that says that something may be absent, this is what is there where it is not"
    ),
    "storage.tells-what-it-commits": (
        "of a row that says that something may be absent, this is what holds where it is there"
    ),
}


"""Clauses that are stronger than the main statements of their rows, and the reason."""


_NO_BLOBS = "there are no blobs before the edition of 2006"


LATER: dict[str, str] = {
    "blob.abort-keeps-new": _NO_BLOBS,
    "blob.conflict": _NO_BLOBS,
    "blob.failed-commit-is-no-content": _NO_BLOBS,
    "blob.failed-commit-keeps-new": _NO_BLOBS,
    "blob.ghost-after-commit": _NO_BLOBS,
    "blob.record": _NO_BLOBS,
    "blob.rollback-disowns": _NO_BLOBS,
    "blob.savepoint-committed": _NO_BLOBS,
    "blob.savepoint-continued": _NO_BLOBS,
    "blob.savepoint-is-no-content": _NO_BLOBS,
    "blob.savepoint-keeps-new": _NO_BLOBS,
    "cache.bytes-can-change": "the size in bytes came with ZODB 3.9",
    "cache.opening-spares-others": "it came with ZODB 3.8, in answer to a report of lost changes",
    "cache.size-in-bytes": "the size in bytes came with ZODB 3.9",
    "connection.opened-says-when": "the attribute came with ZODB 3.9",
    "database.cache-bytes": "the size in bytes came with ZODB 3.9",
    "pool.discarded-lets-go": "the caches are cleared at that time since ZODB 3.6",
    "removed.across-by-garbage-collection": (
        "before 2005-06-16 a reference may give an object that another group has in its cache"
    ),
}


"""Clauses that began to hold in a later edition than their rows, and the reason."""


OPPOSITES: dict[str, str] = {
    "LIFE-24": (
        "what a mark on a ghost did until 2005-06-16 was up to the persistent package of that time,"
        " of which nobody has another one today"
    ),
    "SER-12": (
        "the pickle protocol of those years belongs to Python 2; an implementation in Python 3 "
        "writes records that it can read, and no program sees with which"
    ),
    "XREF-13": "the row that has the references refused says so",
    "XREF-46": (
        "that references may mix objects of several groups, another row says; inside one group "
        "objects are the same in the first edition as well"
    ),
}


"""Rows that say in brackets what held in editions where they do not, and which no clause of those
editions covers, and the reason.
"""


ELSEWHERE: dict[str, str] = {
    "blob.conflict": "the storage finds the conflict; what the blob holds then is the connection's",
    "blob.historical": "the storage keeps the file; which one is read is the connection's choice",
    "blob.undone": "the storage brings the file back; which one is read is the connection's choice",
    **dict.fromkeys(
        (
            "database.last-transaction",
            "database.pack-removes",
            "database.pack-time",
        ),
        "the storage answers; where its instances show snapshots, and IMVCCStorage counts history "
        "among what goes by these, the database chooses whom it asks, and whether that one looks",
    ),
    "database.interface-of-history": (
        "the row is about the answers, which are the storage's; the call is made on the database"
    ),
    "database.interface-of-packing": (
        "the row is about what is removed, which is the storage's; the call is made on the database"
    ),
    "database.pack-is-for-quiet-times": "when a program packs is up to the program",
    "historical.moments-are-clock-time": "how a program names a point is up to the program",
    "joint.second-phase-failure-logged": (
        "the transaction package drives the second phase, logs what fails in it and raises it again"
    ),
    "joint.second-phase-failure-raised": (
        "the transaction package drives the second phase, logs what fails in it and raises it again"
    ),
    "storage.metadata-stays": (
        "when the storage reads what it is given is up to the storage; to leave that as it is, to "
        "the program"
    ),
    "storage.layered-base-stays": (
        "that the base is never written to is the part of the storage above; that nobody else "
        "changes it is that of the program"
    ),
    "storage.one-participant": (
        "that begin waits is the storage's part; not to wait for oneself is the program's"
    ),
    "storage.quota": (
        "how a quota is set is each storage's own affair, so who knows the protocol alone can't "
        "see what becomes of it"
    ),
    "transaction.abort-discards": (
        "the transaction package asks for the abort; to discard the changes is the connection's"
    ),
    "transaction.conflict-is-transient": (
        "the loop that retries belongs to the transaction package; what class the errors of the "
        "database are of, and so whether it retries, does not"
    ),
    "transaction.failed-refuses-join": (
        "the transaction package refuses; that the connection joins before the object changes is "
        "what keeps the value"
    ),
    "transaction.failure-stores-nothing": (
        "the transaction package asks everybody to abort; that nothing is stored then is up to "
        "the connection and its storage"
    ),
    "transaction.history-only-grows": (
        "what a connection sees can only stay the same if its storage does not rewrite it"
    ),
    "storage.undo-ids-are-opaque": (
        "of a row that says what a storage lists, this is what it says to those who use the list"
    ),
}


"""Clauses that bind somebody whom none of their rows names, and the reason."""
