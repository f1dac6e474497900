"""An undo and a change of one object both succeed, and one of them is lost."""

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

import transaction
import ZODB
from relstorage.adapters.postgresql import PostgreSQLAdapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.Connection import TransactionMetaData
from ZODB.POSException import ConflictError

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
    options = Options(blob_dir=folder + "/blobs", shared_blob_dir=False)
    adapter = PostgreSQLAdapter(f"host={cluster} user=postgres dbname=postgres", options=options)
    storage = RelStorage(adapter, options=options)
    db = ZODB.DB(storage)
    manager = transaction.TransactionManager()
    connection = db.open(manager)
    root = connection.root()
    for number in 1, 2:
        root["number"] = number
        manager.commit()
    undoing, meta = storage.new_instance(), TransactionMetaData()
    undoing.poll_invalidations()
    undoing.tpc_begin(meta)
    undoing.undo(db.undoLog(0, 1)[0]["id"], meta)
    root["number"] = 3
    committed = []

    def commit():
        """Change once more what is being undone."""
        try:
            manager.commit()
            committed.append(True)
        except ConflictError:
            manager.abort()

    thread = threading.Thread(target=commit)
    thread.start()
    thread.join(1)
    try:
        undoing.tpc_vote(meta)
        undoing.tpc_finish(meta)
        committed.append(True)
    except Exception:
        undoing.tpc_abort(meta)
    thread.join()
    manager.begin()
    problem = f"both succeed, and number is {root['number']}" if len(committed) == 2 else ""
    db.close()
if problem:
    sys.exit(f"storage.undo-against-a-commit: {problem}")
