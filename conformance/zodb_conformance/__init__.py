"""The conformance suite: holds any implementation of the ZODB family against the specification."""

__version__ = "0.1.0.dev0"
