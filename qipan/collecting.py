"""Python's cyclic garbage collector, set for a process that serves: what is there at the start stays for good."""

import gc

YOUNG = 20_000
"""Objects made beyond those that went, until the young are looked through; Python's own 700 does it several times
for each batch of messages, and what a message leaves behind goes without it."""


def settle() -> None:
    """To be called once a process has everything that it keeps: what was loaded is never looked through again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 10)
