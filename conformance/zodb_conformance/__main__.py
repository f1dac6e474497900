"""``python -m zodb_conformance``: the command, where its script is not on the path."""

import sys

from zodb_conformance.cli import main

if __name__ == "__main__":
    sys.exit(main())
