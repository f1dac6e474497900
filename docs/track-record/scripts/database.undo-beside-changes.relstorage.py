"""A transaction that undoes something and changes an object waits for itself."""

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import transaction
import ZODB
from relstorage.adapters.postgresql import PostgreSQLAdapter
from relstorage.options import Options
from relstorage.storage import RelStorage

logging.disable()
if not shutil.which("initdb"):
    raise ModuleNotFoundError("the programs of a PostgreSQL server")


def run(*command):
    """Run a program of the server, which refuses to be run by root."""
    user = "nobody" if os.getuid() == 0 else None
    subprocess.run(command, check=True, cwd="/", user=user, capture_output=True)


@contextmanager
def server(folder):
    """A server of our own, which serves a socket in the folder that this gives."""
    cluster = Path(folder, "cluster")
    cluster.mkdir()
    if os.getuid() == 0:
        Path(folder).chmod(0o711)
        shutil.chown(cluster, "nobody")
    run("initdb", "-D", cluster, "-U", "postgres", "-A", "trust", "-N")
    # What the server prints would keep a pipe open.
    options = ["-o", f"-k {cluster} -c listen_addresses=", "-l", f"{cluster}/log"]
    run("pg_ctl", "-D", cluster, *options, "start")
    try:
        yield cluster
    finally:
        run("pg_ctl", "-D", cluster, "-m", "immediate", "stop")


with tempfile.TemporaryDirectory() as folder, server(folder) as cluster:
    options = Options(blob_dir=folder + "/blobs", shared_blob_dir=False, commit_lock_timeout=1)
    adapter = PostgreSQLAdapter(f"host={cluster} user=postgres dbname=postgres", options=options)
    db = ZODB.DB(RelStorage(adapter, options=options))
    root = db.open().root()
    for number in range(2):
        root["number"] = number
        transaction.commit()

    def undo_and_change():
        """Undo what was done last, and change the same database, until the server is stopped."""
        manager = transaction.TransactionManager()
        connection = db.open(manager)
        # Which of the two comes first is for chance to decide, if nobody else does.
        connection.sortKey = lambda: ""
        db.undo(db.undoLog(0, 1)[0]["id"], manager.get())
        connection.root()["other"] = 1
        with suppress(Exception):
            manager.commit()

    thread = threading.Thread(target=undo_and_change, daemon=True)
    thread.start()
    thread.join(8)
    waits = thread.is_alive()
if waits:
    sentence = "the commit waits for itself, for longer than it may wait for a lock"
    sys.exit(f"database.undo-beside-changes.relstorage: {sentence}")
