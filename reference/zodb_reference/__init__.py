"""A small object database, the reference for the specification of its kind."""
