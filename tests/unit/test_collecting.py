"""What a process has when it begins to serve is not looked through again, and cycles still go."""

import gc
import subprocess
import sys
import weakref

from qipan import collecting

SETTLED = """
import gc
from qipan import collecting
collecting.settle()
print(gc.get_freeze_count() > 0, gc.isenabled())
"""


def test_what_is_there_at_the_start_is_put_aside() -> None:
    """In a process of its own: what is put aside stays so."""
    done = subprocess.run([sys.executable, "-c", SETTLED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]


def test_a_cycle_made_afterwards_goes_in_its_turn() -> None:
    class Knot:
        own: "Knot"

    before = gc.get_threshold()
    gc.set_threshold(collecting.YOUNG, 10, 10)
    try:
        knot = Knot()
        knot.own = knot
        gone = weakref.ref(knot)
        del knot
        made = [[] for _ in range(2 * collecting.YOUNG)]
        assert gone() is None
        del made
    finally:
        gc.set_threshold(*before)
