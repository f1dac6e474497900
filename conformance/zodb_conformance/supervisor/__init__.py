"""Running the suite from outside: children do the work, and this process outlives whatever they do.

A target may crash the interpreter, end the process, or never return, also while it holds the
interpreter's lock. No timeout inside one process survives that, so the process that the person
starts imports neither the target nor the checks.  It starts children, reads what they note in
shared memory, and decides.
"""
