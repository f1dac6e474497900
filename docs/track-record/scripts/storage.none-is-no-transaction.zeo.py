"""A ZEO client can't abort what there is not."""

import logging
import sys
import tempfile

import ZEO

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    address, stop = ZEO.server(folder + "/Data.fs")
    storage = ZEO.client(address)
    problem = ""
    try:
        storage.tpc_abort(None)
    except AttributeError as error:
        problem = f"storage.none-is-no-transaction.zeo: tpc_abort raises {error!r}"
    storage.close()
    stop()
sys.exit(problem or 0)
