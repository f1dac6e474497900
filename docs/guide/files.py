"""ZODB over a FileStorage, as a target of one's own."""

from zodb_conformance.targets import Target


def open_database(directory, **options):
    """Open a database in a folder."""
    from ZODB import DB
    from ZODB.FileStorage import FileStorage

    return DB(FileStorage(str(directory / "Data.fs")), **options)


target = Target(
    name="my-files",
    open_database=open_database,
    lines=(
        "import tempfile",
        "import ZODB",
        "directory = tempfile.TemporaryDirectory()",
        "db = ZODB.DB(directory.name + '/Data.fs')",
    ),
    database="ZODB.DB",
    capabilities=frozenset(
        {"several-databases", "conflict-resolution", "iteration", "raw-records", "durable"}
    ),
    distributions=("ZODB",),
)


def registered():
    """Give the target to the suite."""
    return target
