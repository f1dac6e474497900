"""The contents of blobs, as tests look at them and change them."""

from pathlib import Path


def read(blob):
    """Return the content of a blob."""
    with blob.open() as file:
        return file.read()


def write(blob, content, mode="w"):
    """Open a blob in this mode and write to it."""
    with blob.open(mode) as file:
        file.write(content)


def temporary(db):
    """Return the names of the files that are there for contents that are not stored."""
    return sorted(path.name for path in Path(db.storage.temporaryDirectory()).iterdir())


def content(storage, tid, oid):
    """Return the content that a storage has of a revision."""
    return Path(storage.loadBlob(oid, tid)).read_bytes()


def files(storage):
    """Return the paths of all files that a storage of the reference has for blobs."""
    folder = Path(storage.temporaryDirectory()).parent
    return [path for path in folder.rglob("*") if path.is_file()]
