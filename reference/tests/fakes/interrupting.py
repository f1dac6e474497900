"""Ctrl-C at a moment that a test chooses."""

import sys
from pathlib import Path

import transaction
import zodb_reference

PACKAGES = tuple(str(Path(package.__file__).parent) for package in (zodb_reference, transaction))


class Interrupt:
    """Raises KeyboardInterrupt in its block, once, at the moment of this number.

    The moments are those at which Python looks for signals: when a function begins, and when one
    that is written in C has returned. Counted are those of the reference and of `transaction`.
    """

    def __init__(self, number):
        self.left = number
        self.where = ""  # where it has arrived

    def __enter__(self):
        sys.setprofile(self._notice)
        return self

    def __exit__(self, *error):
        sys.setprofile(None)

    def _notice(self, frame, event, argument):
        caller = frame.f_back if event == "call" else None
        if event not in ("call", "c_return") or not (is_ours(frame) or is_ours(caller)):
            return
        self.left -= 1
        if self.left < 0:
            sys.setprofile(None)
            self.where = f"{frame.f_code.co_qualname}:{frame.f_lineno}"
            raise KeyboardInterrupt


def is_ours(frame):
    return frame is not None and frame.f_code.co_filename.startswith(PACKAGES)
