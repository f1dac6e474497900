"""The bank of faulty doubles: the proof that every check can fail.

A *double* is a correct implementation with exactly one fault.  Its docstring says which rule the
fault breaks and how that would hurt a user, and it names the clause on which the verdict has to
fall.  ``python -m zodb_conformance.doubles`` hunts all of them; each is also a target of the
command, under the name ``double:NAME``.

The correct implementation is the reference; where a clause binds `persistent` or `transaction`, it
is that package, as the reference uses it.
"""

from __future__ import annotations

from zodb_conformance.doubles.double import Double, double, registered
from zodb_conformance.doubles.target import open_double, open_double_storage, target_of

__all__ = ["Double", "double", "open_double", "open_double_storage", "registered", "target_of"]
