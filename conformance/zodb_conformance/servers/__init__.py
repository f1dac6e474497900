"""The servers that targets need: started once for a run, used by all its processes, and gone with
it, whichever way it ends.

`lodging` is the folder in which the servers of a run live, `keeper` the process that ends one of
them when the run has ended, `postgresql` and `zeo` know how these are started.  Nothing here
imports what a server serves.
"""
