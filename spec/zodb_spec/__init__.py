"""The specification: clauses with readable names, each of them executable plain Python."""
