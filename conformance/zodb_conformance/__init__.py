"""The conformance suite: holds any implementation of the ZODB family against the specification."""
