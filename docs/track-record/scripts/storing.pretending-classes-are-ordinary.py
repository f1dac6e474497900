"""A class that has an attribute `_p_oid` is taken for a persistent object, and can't be stored."""

import logging
import sys

import transaction
import ZODB

logging.disable()


class Pretender:
    """A class that is not persistent."""

    _p_oid = _p_jar = None


manager = transaction.TransactionManager()
root = ZODB.DB(None).open(manager).root()
root["class"] = Pretender
try:
    manager.commit()
except Exception as error:
    sys.exit(
        f"storing.pretending-classes-are-ordinary: {error!r} is raised, and the class has got an"
        f" oid: {Pretender._p_oid!r}"
    )
