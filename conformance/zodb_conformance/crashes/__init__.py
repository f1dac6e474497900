"""Crashes: what is left where a process that works on a storage is killed, or the power fails.

What a process does to its files is recorded (`recording`), and from that it is worked out what a
disk would still hold that has lost what was not synced (`disk`).
"""
