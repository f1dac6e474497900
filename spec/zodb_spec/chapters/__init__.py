"""The chapters of the specification, in the order in which they are read."""
