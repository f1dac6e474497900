"""Empty PostgreSQL databases in which RelStorage has made its tables, for many storages one after
another.

A database belongs to the folder that it was assigned to.  When that is gone, it is emptied and
assigned again, which costs less than the making of a new one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zodb_conformance.servers import locks, postgresql

ASSIGNED = "postgresql.json"
"""The file of a storage's folder that says which database it is for."""

Opening = Callable[[str], Any]
"""How a RelStorage is opened on a database, whose dsn is given."""


def assigned(run: Path, directory: Path, kind: str, open_storage: Opening) -> str:
    """The dsn of the database that is for a folder: always the same one, and for no other.

    run           the folder for servers
    kind          the name of the template; different tables have different ones
    open_storage  opens a storage, which makes its tables in a database that has none

    Raises TargetUnusable where no PostgreSQL starts.
    """
    note = directory / ASSIGNED
    if not note.exists():
        socket = postgresql.start(run)
        with locks.holding(run / "databases.lock"):
            name = _free(run, directory, socket, kind, open_storage)
        note.write_text(json.dumps(_dsn(socket, name)), encoding="utf-8")
    return str(json.loads(note.read_text(encoding="utf-8")))


def _free(run: Path, directory: Path, socket: str, kind: str, open_storage: Opening) -> str:
    """A database that nobody uses, which is empty."""
    register = run / f"databases-{kind}.json"
    users: dict[str, str] = {}
    if register.exists():
        users = json.loads(register.read_text(encoding="utf-8"))
    else:
        with _connected(_dsn(socket, "postgres")) as cursor:
            cursor.execute(f"CREATE DATABASE {kind}")
        open_storage(_dsn(socket, kind)).close()
        (run / f"emptying-{kind}.sql").write_text(_emptying(socket, kind), encoding="utf-8")
    name = next((name for name, user in users.items() if not Path(user).exists()), "")
    if name:
        with _connected(_dsn(socket, name)) as cursor:
            cursor.execute((run / f"emptying-{kind}.sql").read_text(encoding="utf-8"))
    else:
        name = f"{kind}_{len(users)}"
        with _connected(_dsn(socket, "postgres")) as cursor:
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE {kind}")
    users[name] = str(directory)
    register.write_text(json.dumps(users), encoding="utf-8")
    return name


KEPT = "as_it_was"
"""The schema that holds what tables have in the template."""

DISCONNECT = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
"""Ends whatever a storage left behind that was never closed."""


def _emptying(socket: str, kind: str) -> str:
    """The statements that make a database as its template is, whoever left it in whatever state.
    What the template has in its tables is kept in a schema beside them.
    """
    with _connected(_dsn(socket, kind)) as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [f'"{name}"' for (name,) in cursor.fetchall()]
        cursor.execute("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'")
        sequences = [f'"{name}"' for (name,) in cursor.fetchall()]
        cursor.execute(f"CREATE SCHEMA {KEPT}")
        filled = []
        for name in tables:
            cursor.execute(f"SELECT 1 FROM {name} LIMIT 1")
            if cursor.fetchone():
                filled.append(name)
                cursor.execute(f"CREATE TABLE {KEPT}.{name} AS TABLE {name}")
    statements = [
        DISCONNECT,
        f"TRUNCATE {', '.join(tables)}",
        *(f"INSERT INTO {name} TABLE {KEPT}.{name}" for name in filled),
        *(f"ALTER SEQUENCE {name} RESTART" for name in sequences),
    ]
    return "; ".join(statements)


def _dsn(socket: str, database: str) -> str:
    return f"host={socket} user={postgresql.ROLE} dbname={database}"


@contextmanager
def _connected(dsn: str) -> Iterator[Any]:
    import psycopg2

    connection = psycopg2.connect(dsn)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()
