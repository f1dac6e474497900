"""Transaction data: what a storage keeps of a transaction beside its records.

That is a user and a description, which are bytes for it, and further notes, which are a dictionary
for the program and a pickle for the storage. Whoever looks at the history later finds them there;
where a storage keeps no history, there is nobody to be told.
"""

from __future__ import annotations

from zodb_spec.clause import MAY, MUST, example, text

HISTORY = "iteration old-revisions"
"""What a storage can do that keeps its transactions: one that keeps current data alone has nothing
of which it could tell who stored it.
"""


@example("storage.metadata-kept", MUST, rules="STOR-27 STOR-41", needs=HISTORY)
def metadata_kept() -> None:
    r"""User, description and further notes of each transaction are kept as they were given, and
    `iterator` shows them: the first two as bytes, the notes as the attribute ``extension``.

    >>> notes = {"reason": "a test", "number": 17, "place": ("a", 1.5, None), "name": "\xfcber"}
    >>> given = (
    ...     (b"", b"", {}),
    ...     (b"a user", b"what it is for", {}),
    ...     (b"/folder user", b"one line\nand another", notes),
    ...     (b"", b"a description alone", {}),
    ...     (b"a user alone", b"", {}),
    ...     (b"", b"", notes),
    ... )
    >>> tids = []
    >>> for user, description, extension in given:
    ...     meta = metadata(user, description, extension)
    ...     tids.append(commit(storage, (storage.new_oid(), z64, content("one")), meta=meta))
    >>> told = list(newest(storage).iterator())
    >>> [each.tid for each in told] == tids
    True
    >>> [(each.user, each.description, each.extension) for each in told] == list(given)
    True
    """


@example("storage.metadata-of-any-content", MUST, rules="STOR-27 STOR-59", needs=HISTORY)
def metadata_of_any_content() -> None:
    r"""User and description may be text in any encoding, or no text at all: they come back byte for
    byte.

    >>> encoded = [
    ...     "J\xfcrgen Gro\xdf".encode("utf-8"), "J\xfcrgen Gro\xdf".encode("latin-1"),
    ...     "\u540d\u524d \U0001f40d".encode("utf-8"), "\u540d\u524d".encode("utf-16"),
    ...     b"\0", b"with \0 in it", b" blanks \t\r\n ", b"\xff\xfe\x80", b"'\"%s{}\\",
    ...     bytes(range(256)),
    ... ]
    >>> for each in encoded:
    ...     _ = commit(
    ...         storage, (storage.new_oid(), z64, content("one")), meta=metadata(each, each[::-1])
    ...     )
    >>> told = [(each.user, each.description) for each in newest(storage).iterator()]
    >>> [here for here, kept in zip(encoded, told) if kept != (here, here[::-1])]
    []
    """


@example("storage.metadata-of-any-length", MUST, rules="STOR-27 STOR-59", needs=HISTORY)
def metadata_of_any_length() -> None:
    """User, description and the pickle of the notes may be up to 65535 bytes long each, at the same
    time.

    >>> kept = []
    >>> for length in (1, 127, 128, 255, 256, 4095, 32768, 65535):
    ...     meta = metadata(b"u" * length, b"d" * length, {"note": "n" * max(1, length - 100)})
    ...     tid = commit(storage, (storage.new_oid(), z64, content("one")), meta=meta)
    ...     told, = newest(storage).iterator(tid)
    ...     kept.append((told.user, told.description, told.extension))
    ...     if kept[-1] == (meta.user, meta.description, meta.extension):
    ...         kept.pop()
    >>> [[len(each) for each in parts] for parts in kept]
    []
    """


@example("storage.metadata-lasts", MUST, rules="STOR-8 STOR-27", needs=f"durable {HISTORY}")
def metadata_lasts() -> None:
    r"""User, description and notes of a transaction are there when the storage is opened again.

    >>> meta = metadata(b"u\0\xff" * 3000, b"d" * 65535, {"note": ["n"] * 100})
    >>> tid = commit(storage, (storage.new_oid(), z64, content("one")), meta=meta)
    >>> told, = newest(reopened(storage)).iterator()
    >>> told.tid == tid
    True
    >>> (told.user, told.description) == (meta.user, meta.description)
    True
    >>> told.extension == {"note": ["n"] * 100}
    True
    """


@example("storage.metadata-belongs-to-one", MUST, rules="STOR-27", needs=HISTORY)
def metadata_belongs_to_one() -> None:
    """What a transaction was told that was aborted, or refused, does not come back with the next
    one, and each keeps what was said of it.

    >>> storage.tpc_abort(voted(storage, meta=metadata(b"aborted", b"aborted", {"aborted": 1})))
    >>> first = commit(storage, (storage.new_oid(), z64, content("one")))
    >>> meta = metadata(b"a user", b"a text", {"a": 1})
    >>> second = commit(storage, (storage.new_oid(), z64, content("two")), meta=meta)
    >>> third = commit(storage, (storage.new_oid(), z64, content("three")))
    >>> [(each.user, each.description, each.extension) for each in newest(storage).iterator()]
    [(b'', b'', {}), (b'a user', b'a text', {'a': 1}), (b'', b'', {})]
    """


@example("storage.metadata-too-long", MAY, rules="STOR-59")
def metadata_too_long() -> None:
    """A storage may refuse a user, a description or notes of more than 65535 bytes, by `tpc_begin`
    or `tpc_vote`; where it takes them, the transaction is committed.

    >>> given = (
    ...     metadata(b"u" * 70000), metadata(b"", b"d" * 70000),
    ...     metadata(b"", b"", {"note": "n" * 70000}),
    ... )
    >>> wrong = []
    >>> for meta in given:
    ...     own = open_storage()
    ...     with allowing("POSError", "TransactionError", "ValueError"):
    ...         tid = commit(own, (own.new_oid(), z64, content("one")), meta=meta)
    ...         wrong += [tid] if newest(own).lastTransaction() != tid else []
    ...     own.tpc_abort(meta)
    >>> wrong
    []
    """


@example("storage.metadata-too-long-blocks-nobody", MUST, rules="STOR-59 STOR-5")
def metadata_too_long_blocks_nobody() -> None:
    """Where a storage has refused a transaction for what was said of it, this can be aborted, and
    the storage is as usable as before.

    >>> oid, serials = storage.new_oid(), [z64]
    >>> given = (
    ...     metadata(b"u" * 70000), metadata(b"", b"d" * 70000),
    ...     metadata(b"", b"", {"note": "n" * 70000}),
    ... )
    >>> for meta in given:
    ...     with allowing("Exception"):
    ...         commit(storage, (storage.new_oid(), z64, content("one")), meta=meta)
    ...     storage.tpc_abort(meta)
    ...     serials.append(in_thread(lambda: commit(storage, (oid, serials[-1], content("next")))))
    >>> newest(storage).load(oid) == (content("next"), serials[-1])
    True
    """


@text("storage.quota", MUST, rules="STOR-60", binds="unobservable")
def quota_exceeded() -> None:
    """Where a storage has a quota, a `store` that exceeds it fails, with an error that says so
    (`FileStorageQuotaError`). The transaction is aborted, as after any other failure; what is there
    can be read, and a transaction for which there is room is stored.

    How a quota is set is up to each storage, so no example here can set one.
    """


@text("storage.metadata-stays", MUST, rules="STOR-1", binds="caller")
def metadata_stays() -> None:
    """A program does not change what the object says that stands for a transaction between
    `tpc_begin` and the end: a storage may read it at any time in between, or once.
    """
