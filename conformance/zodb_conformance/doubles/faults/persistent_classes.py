"""Faults in persistent classes."""

from __future__ import annotations

from typing import Any

from zodb_reference.persistentclass import PersistentMetaClass, _Method
from zodb_reference.writing import RecordWriter

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead


@double("persistent-class.stored-as-an-object")
def a_persistent_class_comes_back_under_another_name() -> Fault:
    """A persistent class is made again under a name of its own.

    Its instances, which name their class, are not found.
    """

    def new_arguments(cls: Any) -> tuple[Any, ...]:
        return f"Stored{cls.__name__}", cls.__bases__, {}, None

    return instead(PersistentMetaClass, "__getnewargs__", _Method(new_arguments))


@double("persistent-class.is-never-a-ghost")
def a_persistent_class_can_be_emptied() -> Fault:
    """To deactivate a persistent class removes its attributes, which nothing loads again.

    Its instances lose their methods as soon as memory is short.
    """

    def deactivate(cls: Any) -> None:
        for name in [name for name in vars(cls) if not name.startswith("_")]:
            type.__delattr__(cls, name)

    return instead(PersistentMetaClass, "_p_deactivate", _Method(deactivate))


@double("persistent-class.abort-reloads")
def an_abort_leaves_new_attributes_on_a_class() -> Fault:
    """When a persistent class is loaded again, attributes stay that its record does not have.

    After an abort the class has methods that were never committed.
    """

    def set_state(cls: Any, state: Any) -> None:
        for name, value in state[1].items():
            type.__setattr__(cls, name, value)
        vars(cls)["_p_class_metadata"]["_p_changed"] = False

    return instead(PersistentMetaClass, "__setstate__", _Method(set_state))


@double("persistent-class.instances")
def an_instance_refers_to_its_class() -> Fault:
    """The record of an instance of a persistent class refers to the class by its oid.

    The class factory is not asked, and a copy of the instance has another class.
    """

    def description(correct: Any, writer: RecordWriter, obj: Any) -> Any:
        described = correct(writer, obj)
        return type(obj) if isinstance(type(obj), PersistentMetaClass) else described

    return around(RecordWriter, "description", description)
