"""A ZEO client that was cut off tells of news before it says that it has missed something."""

import logging
import sys
import tempfile
import time

import ZEO
from ZODB.Connection import TransactionMetaData
from ZODB.FileStorage import FileStorage
from ZODB.utils import z64

logging.disable()


def commit(storage, serial):
    """Store the root in a transaction of its own."""
    meta = TransactionMetaData()
    storage.tpc_begin(meta)
    storage.store(z64, serial, b"data", "", meta)
    storage.tpc_vote(meta)
    return storage.tpc_finish(meta)


class Layer:
    """What stands above a storage: it asks for the last transaction when it is told anything."""

    def __init__(self, storage):
        self.storage, self.seen = storage, []

    def invalidateCache(self):  # noqa: N802
        self.seen.append(self.storage.lastTransaction())

    def invalidate(self, tid, oids, version=""):
        self.invalidateCache()

    def transform_record_data(self, data):
        return data

    untransform_record_data = transform_record_data


with tempfile.TemporaryDirectory() as folder:
    path = folder + "/Data.fs"
    address, stop = ZEO.server(path)
    other = ZEO.client(address)
    first = commit(other, z64)
    other.close()
    client = ZEO.client(address)  # its cache is empty
    layer = Layer(client)
    client.registerDB(layer)
    stop()
    storage = FileStorage(path)
    second = commit(storage, first)
    storage.close()
    address, stop = ZEO.server(path, port=address[1])
    end = time.monotonic() + 20
    while not layer.seen and time.monotonic() < end:
        time.sleep(0.01)
    client.close()
    stop()
if layer.seen[:1] == [second]:
    sys.exit(
        "storage.come-back-announces-first: when the layer above hears for the first time that it"
        " has to forget everything, the client has told of the new transaction already"
    )
