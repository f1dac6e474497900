"""Only one connection hears of what a storage announces by an iterator."""

import logging
import sys

import transaction
import ZODB
from ZODB.MappingStorage import MappingStorage

logging.disable()
layers = []


class Noting(MappingStorage):
    """A storage that notes what is registered with it."""

    def registerDB(self, layer):  # noqa: N802
        layers.append(layer)


db = ZODB.DB(Noting())
connections = [db.open(transaction.TransactionManager()) for _ in range(2)]
roots = [connection.root() for connection in connections]
for root in roots:
    root._p_activate()
layers[0].invalidate(db.lastTransaction(), iter([roots[0]._p_oid]))
for connection in connections:
    connection.sync()
told = sum(root._p_changed is None for root in roots)
if told < 2:
    sys.exit(f"storage.layer-takes-any-oids: {told} of 2 connections have heard of a change")
