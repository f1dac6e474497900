"""An undo that meets a pack is refused by an error of another kind."""

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import transaction
import ZODB
from relstorage.adapters.postgresql import PostgreSQLAdapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.POSException import UndoError
from ZODB.serialize import referencesf

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
    root = db.open().root()
    for number in 1, 2:
        root["number"] = number
        transaction.commit()
    id, problems = db.undoLog(0, 1)[0]["id"], []

    def references(data):
        """Find references, and undo something when the first ones are looked for."""
        if not problems:
            db.undo(id)
            try:
                transaction.commit()
            except UndoError:
                problems.append("")
            except Exception as error:
                problems.append(f"a {type(error).__name__} is raised")
            transaction.abort()
        return referencesf(data)

    time.sleep(0.01)
    storage.new_instance().pack(time.time(), references)
    db.close()
    problem = "".join(problems)
if problem:
    sys.exit(f"storage.undo-while-packing: {problem}")
