"""A file can be open for writing once."""

from zodb_reference import DB

first = DB("shared.sqlite")
second = DB("shared.sqlite")
