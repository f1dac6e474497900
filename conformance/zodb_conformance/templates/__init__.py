"""The files that ``zodb-conformance init`` writes; ``@word@`` in them is filled in."""
