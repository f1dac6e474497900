"""Functions that open nothing of use, and some that give out what others have filled."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from ZODB import DB
from ZODB.FileStorage import FileStorage
from ZODB.MappingStorage import MappingStorage


def raising(directory):
    raise ValueError("no such storage")


def without_folder():
    return MappingStorage()


def leaving(directory):
    raise SystemExit("no such storage")


def asking_nobody(directory):
    return socket.create_connection(("127.0.0.1", 0))


def a_class(directory):
    return MappingStorage


def elsewhere(directory):
    os.chdir(directory)
    return MappingStorage()


def a_dictionary(directory):
    return {}


def a_storage(directory):
    return MappingStorage()


SAME = MappingStorage()


def always_the_same(directory):
    return SAME


def a_database(directory):
    return DB(MappingStorage())


def in_this_folder(directory):
    """A storage that is always the same, whatever folder is given."""
    return FileStorage("mine.fs")


def database_in_this_folder(directory, **options):
    """The same with a database over it."""
    return DB(in_this_folder(directory), **options)


def fill_this_folder():
    """Store something where these factories open it; return all that lies there."""
    database = database_in_this_folder(None)
    with database.transaction() as connection:
        connection.root()["mine"] = "precious"
    database.close()
    return what_lies_there()


def what_lies_there():
    """The bytes of the data in the folder."""
    return Path("mine.fs").read_bytes()
