"""The errors by which a run ends early; their text is shown to the person as it is."""

from __future__ import annotations


class UsageError(Exception):
    """The command was used wrongly (exit status 2): one sentence that says what to mend."""


class TargetUnusable(Exception):
    """The target could not be exercised at all (exit status 3): one sentence that says what to
    mend.
    """
