"""What can be seen of a storage from outside, to be compared before and after."""


def tids(storage):
    """Return the tids of all transactions, oldest first."""
    return [transaction.tid for transaction in storage.iterator()]


def content(storage):
    """Return oids and data of all records, and who shares whose, by transaction."""
    return [
        [(one.oid, one.data, one.data_txn, one.version) for one in transaction]
        for transaction in storage.iterator()
    ]


def everything(storage):
    """Return all that can be seen of `storage`."""
    return [
        content(storage),
        storage.undoLog(0, 100),
        storage.lastTransaction(),
        len(storage),
        [one.status for one in storage.iterator()],
    ]
