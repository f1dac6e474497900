"""What the names do that examples on blobs use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ZODB.blob
from zodb_conformance.storagekit import (
    blob_file,
    blob_record,
    commit_blob,
    held,
    read_out,
    write_to,
)
from zodb_reference.blobs import Blob
from zodb_reference.storages import MemoryStorage

OID, NOTHING = bytes(7) + b"\1", bytes(8)


@pytest.fixture
def storage() -> Iterator[Any]:
    opened = MemoryStorage()
    yield opened
    opened.close()


def test_the_record_of_a_blob_is_the_one_that_zodb_looks_for() -> None:
    assert ZODB.blob.is_blob_record(blob_record())


def test_a_file_for_a_blob_is_in_the_folder_of_the_storage(storage: Any) -> None:
    path = Path(blob_file(storage, b"one"))
    assert path.read_bytes() == b"one"
    assert path.parent == Path(storage.temporaryDirectory())


def test_what_blobs_hold_is_bytes_or_nothing(storage: Any) -> None:
    first = commit_blob(storage, OID, NOTHING, b"one")
    second = commit_blob(storage, OID, first, b"two")
    assert held(storage, OID, second, NOTHING, first) == [b"two", None, b"one"]


def test_files_are_closed_when_they_were_read_or_written() -> None:
    blob = Blob(b"one")
    write_to(blob, b" two", "a")
    file = blob.open()
    assert read_out(file) == b"one two"
    assert file.closed
    assert not blob.opened()
