"""The second record of an iteration can't be had after a poll."""

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
    storage = RelStorage(adapter, options=options)
    db = ZODB.DB(storage)
    db.open().root()["thing"] = PersistentMapping()
    transaction.commit()
    reader, problem = storage.new_instance(), ""
    reader.poll_invalidations()
    _, _, _, following = reader.record_iternext()
    reader.poll_invalidations()
    try:
        reader.record_iternext(following)
    except Exception as error:
        problem = f"{error!r} is raised"
    db.close()
if problem:
    sys.exit(f"storage.gc-is-iterated: {problem}")
