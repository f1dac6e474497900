"""Values of every picklable kind: what a persistent object may hold by value.

A value is declared by its Python expression, which is at once how the suite makes it and how a
witness writes it. Two values are the same if nothing distinguishes them but their identity: same
types, same contents, the same sharing inside; NaN is the same as NaN, and negative zero is not the
same as zero.
"""

from __future__ import annotations

import collections
import enum
import math
from typing import Any

EXPRESSIONS: dict[str, str] = {
    "one": "1",
    "none": "None",
    "true": "True",
    "zero": "0",
    "negative": "-1",
    "byte-border": "256",
    "int-border": "2 ** 31",
    "long": "-(2 ** 63) - 1",
    "huge-int": "10 ** 400",
    "float": "0.1",
    "negative-zero": "-0.0",
    "nan": "float('nan')",
    "infinity": "float('inf')",
    "tiny-float": "5e-324",
    "complex": "complex(-0.0, 1.5)",
    "empty-text": "''",
    "text": "'text'",
    "accents": "'e\\u0301\\u00e9 \\u00df \\u0130'",
    "astral": "'\\U0001f409 \\U0010ffff'",
    "lone-surrogate": "'\\ud800'",
    "nul-and-newline": "'\\x00\\r\\n\\x85\\u2028'",
    "long-text": "'spam' * 20000",
    "empty-bytes": "b''",
    "bytes": "bytes(range(256))",
    "many-bytes": "b'\\x80' * 70000",
    "bytearray": "bytearray(b'abc')",
    "empty-tuple": "()",
    "tuple": "(1, 'two', 3.0, None)",
    "long-tuple": "tuple(range(300))",
    "empty-list": "[]",
    "list": "[1, [2, [3, [4, []]]]]",
    "long-list": "list(range(2000))",
    "empty-dict": "{}",
    "dict": "{'k': 1, 2: 'v', None: (), (1, 2): [3]}",
    "dict-order": "{'z': 1, 'a': 2, 'm': 3}",
    "long-dict": "{i: str(i) for i in range(1500)}",
    "set": "{1, 2, 'x'}",
    "empty-set": "set()",
    "frozenset": "frozenset({1, frozenset({2})})",
    "shared": "(lambda x: [x, x])([1])",
    "shared-deep": "(lambda x: {'a': x, 'b': [x]})(['s'])",
    "recursive-list": "(lambda x: x.append(x) or x)([])",
    "recursive-dict": "(lambda x: x.update(me=x) or x)({})",
    "date": "datetime.date(2000, 2, 29)",
    "datetime": "datetime.datetime(2026, 10, 25, 2, 30, 0, 1)",
    "aware-datetime": "datetime.datetime(1, 1, 1, tzinfo=datetime.timezone.utc)",
    "time": "datetime.time(23, 59, 59, 999999)",
    "timedelta": "datetime.timedelta(days=-1, microseconds=1)",
    "decimal": "decimal.Decimal('-0.10')",
    "fraction": "fractions.Fraction(-1, 3)",
    "uuid": "uuid.UUID(int=1)",
    "range": "range(1, 10, 3)",
    "ellipsis": "...",
    "builtin-function": "len",
    "builtin-class": "dict",
    "ordered-dict": "collections.OrderedDict([('b', 1), ('a', 2)])",
    "default-dict": "collections.defaultdict(list, {'k': [1]})",
    "deque": "collections.deque([1, 2], maxlen=5)",
    "list-subclass": "ListSubclass([1, 2])",
    "dict-subclass": "DictSubclass(k=1)",
    "int-subclass": "IntSubclass(7)",
    "text-subclass": "TextSubclass('s')",
    "named-tuple": "Point(1, 2.5)",
    "enum": "Colour.RED",
    "instance": "Holder(x=1, y=[2])",
}
"""Every value by its name; small ones first."""


def same(left: Any, right: Any) -> bool:
    """Whether two values are the same (see the module's text)."""
    return _same(left, right, {}, {})


PLAIN = frozenset({type(None), bool, int, str, bytes})
"""The types that equality is enough for; most of what is compared is of them."""


def _same(left: Any, right: Any, of_left: dict[int, int], of_right: dict[int, int]) -> bool:
    kind = type(left)
    if kind is not type(right):
        return False
    if kind in PLAIN:
        return bool(left == right)
    if isinstance(left, float):
        return _same_float(left, right)
    if isinstance(left, complex):
        return _same_float(left.real, right.real) and _same_float(left.imag, right.imag)
    mine, yours = _parts(left), _parts(right)
    if mine is None or yours is None:
        return bool(left == right) and repr(left) == repr(right)
    if id(left) in of_left or id(right) in of_right:
        return of_left.get(id(left)) == id(right)
    if not isinstance(
        left, tuple | frozenset
    ):  # equal immutable values may be merged or split freely
        of_left[id(left)], of_right[id(right)] = id(right), id(left)
    types = list(map(type, mine))
    if types != list(map(type, yours)):
        return False
    if PLAIN.issuperset(types):
        return mine == yours
    return all(_same(one, other, of_left, of_right) for one, other in zip(mine, yours, strict=True))


def _same_float(left: float, right: float) -> bool:
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    return left == right and math.copysign(1, left) == math.copysign(1, right)


def _parts(value: Any) -> list[Any] | None:
    """What a value is made of, in an order that two equal values share; None for what has no
    parts.
    """
    if isinstance(value, enum.Enum | type) or callable(value):
        return None
    attributes: list[Any] = sorted(getattr(value, "__dict__", {}).items())
    if isinstance(value, set | frozenset):
        return [*sorted(value, key=repr), *attributes]
    if isinstance(value, dict):
        return [*value.items(), getattr(value, "default_factory", None), *attributes]
    if isinstance(value, list | tuple):
        return [*value, *attributes]
    if isinstance(value, collections.deque):
        return [*value, value.maxlen, *attributes]
    if isinstance(value, bytearray):
        return [bytes(value), *attributes]
    if isinstance(value, int | str | bytes):
        return [_builtin(value), *attributes]
    return attributes if hasattr(value, "__dict__") else None


def _builtin(value: int | str | bytes) -> int | str | bytes:
    """The value of an instance of a subclass, as an instance of the built-in class."""
    for base in (int, str, bytes):
        if isinstance(value, base):
            plain: int | str | bytes = base.__add__(value, base())  # type: ignore[operator]
            return plain
    raise TypeError(value)
