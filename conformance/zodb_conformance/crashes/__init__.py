"""Crashes: a process that works on a storage is killed, or the power fails under it, and then the
storage is opened again.

A *stream* of work follows from a seed (`stream`): commits, transactions that are given up, undos,
packs, deletions, restored transactions, reopenings.  A process performs it (`child`, `working`),
and notes in a *ledger* what it comes to know.  A whole run of it is recorded first (`recording`),
so that the *points* at which the next ones are killed come to many different places (`points`): a
moment of the protocol, a change of a file, a time.  What each kill leaves is opened and judged
(`finding`, `judging`), work goes on there, and the next process is killed (`trials`).  Where there
is a server, every second kill is one of the server.

A power failure needs no process: from what was recorded it is worked out what a disk would still
hold that has lost what was not synced (`disk`, `powerless`), and the storage is opened on that.

`check` does all of this for a run of the suite, and tells what is broken by a script (`telling`);
``python -m zodb_conformance.crashes`` does it by itself.
"""
