"""Graphs of which two have one form if they differ in nothing but the names of their nodes.

This is graph canonisation, done as usual: everything gets a colour from what it is, then from its
colour and those of what it refers to, until nothing more can be told apart; where twins remain,
each is tried as the first of them, and the smallest form wins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

Node = tuple[Hashable, ...]
"""Something in a world that other things refer to: its sort, and what it is called."""

END = -1
"""What ends a list of nodes in the canonical form."""

_labels: dict[Any, int] = {}
"""The labels that there were in this run of the program, with their numbers: there are few."""


class Graph:
    """What there is in a world, with numbers for nodes and for labels.

    numbers  the number of each node
    labels   the number of each node's label, which says all about it that is no reference
    refers   what each refers to, in an order that the label explains
    groups   what each refers to where the order carries no meaning, in lists of which the label
             says the lengths
    """

    def __init__(self) -> None:
        self.numbers: dict[Node, int] = {}
        self.labels: list[int] = []
        self.refers: list[Sequence[int]] = []
        self.groups: list[Sequence[Sequence[int]]] = []

    def number(self, node: Node) -> int:
        """The number of a node, which need not be described yet."""
        number = self.numbers.get(node)
        if number is None:
            number = self.numbers[node] = len(self.labels)
            self.labels.append(_labels.setdefault((node[0], "nothing"), len(_labels)))
            self.refers.append(())
            self.groups.append(())
        return number

    def describe(
        self,
        node: Node,
        label: Hashable,
        refers: Iterable[Node] = (),
        groups: Iterable[Iterable[Node]] = (),
    ) -> None:
        """Say what a node is."""
        number = self.number(node)
        self.labels[number] = _labels.setdefault(label, len(_labels))
        self.refers[number] = [self.number(other) for other in refers]
        self.groups[number] = [[self.number(other) for other in each] for each in groups if each]

    def form(self) -> list[int]:
        """The canonical form of the whole; it holds for one run of the program."""
        return _smallest(self, self.labels)


def _smallest(graph: Graph, colours: Sequence[int]) -> list[int]:
    colours = _refined(graph, colours)
    if len(set(colours)) == len(colours):
        return _form(graph, colours)
    twin = min(colour for colour, count in Counter(colours).items() if count > 1)
    first = hash((twin, "first"))
    return min(
        _smallest(graph, [*colours[:node], first, *colours[node + 1 :]])
        for node, colour in enumerate(colours)
        if colour == twin
    )


def _refined(graph: Graph, colours: Sequence[int]) -> Sequence[int]:
    """Colours that tell apart what the descriptions, seen in these colours, tell apart."""
    different = len(set(colours))
    while different < len(colours):
        seen = colours.__getitem__
        finer = [
            hash((colour, *map(seen, refers)))
            for colour, refers in zip(colours, graph.refers, strict=True)
        ]
        for node, groups in enumerate(graph.groups):
            if groups:
                finer[node] = hash(
                    (finer[node], *[tuple(sorted(map(seen, each))) for each in groups])
                )
        colours = finer
        more = len(set(colours))
        if more == different:
            break
        different = more
    return colours


def _form(graph: Graph, colours: Sequence[int]) -> list[int]:
    """The world with numbers for names, each node ended by one that no node has."""
    order = sorted(range(len(colours)), key=colours.__getitem__)
    numbers = [0] * len(order)
    for number, node in enumerate(order):
        numbers[node] = number
    known = numbers.__getitem__
    form: list[int] = []
    for node in order:
        form.append(graph.labels[node])
        form.extend(map(known, graph.refers[node]))
        for each in graph.groups[node]:
            form.append(END)
            form.extend(sorted(map(known, each)))
        form.append(END)
    return form
