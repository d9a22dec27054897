"""A green thread's CPU time: its own, whoever else runs on the same thread of the system."""

import time

import greenlet

from qipan.observability.cpu_share import CpuShare


def _burn(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_only_the_own_time_counts() -> None:
    share, main = CpuShare(), greenlet.getcurrent()

    def mine() -> None:
        share.begin()
        for _ in range(2):
            _burn(0.02)
            main.switch()

    before = greenlet.gettrace()
    try:
        watched = greenlet.greenlet(mine)
        watched.switch()
        assert 0.02 <= share.seconds < 0.03
        _burn(0.05)
        assert share.seconds < 0.03
        watched.switch()
        assert 0.04 <= share.seconds < 0.05
    finally:
        greenlet.settrace(before)
