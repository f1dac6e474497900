"""What two connections change in one transaction is stored in two."""

import logging
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import transaction
import ZODB
from persistent.mapping import PersistentMapping
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
    options = Options(blob_dir=folder + "/blobs", shared_blob_dir=False)
    adapter = PostgreSQLAdapter(f"host={cluster} user=postgres dbname=postgres", options=options)
    db = ZODB.DB(RelStorage(adapter, options=options))
    manager = transaction.TransactionManager()
    one, two = db.open(manager).root(), db.open(manager).root()
    one["one"], one["two"] = PersistentMapping(), PersistentMapping()
    manager.commit()
    one["one"]["changed"] = two["two"]["changed"] = True
    problem = ""
    try:
        manager.commit()
        if one["one"]._p_serial != two["two"]._p_serial:
            problem = "what was changed has two tids"
    except Exception:
        pass  # to refuse would be allowed
    db.close()
if problem:
    sys.exit(f"connection.two-in-one-transaction.relstorage: {problem}")
