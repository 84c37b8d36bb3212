"""Waiting for what another process does."""

from __future__ import annotations

import time
from collections.abc import Callable

WAIT_S = 30


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)
