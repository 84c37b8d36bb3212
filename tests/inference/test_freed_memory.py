"""Memory that is kept between networks, and what is left of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from napari_unet.inference.freed_memory import freed_memory_kept


@pytest.mark.skipif(sys.platform != "linux", reason="what is kept is known of glibc only")
def test_freed_memory_is_taken_again_instead_of_filled_anew() -> None:
    """In a process of its own, whose memory nothing else has used, in which glibc gives back all it can."""
    script = """
import ctypes, resource
import torch
from napari_unet.inference.freed_memory import freed_memory_kept

def page_faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        held = [torch.ones(20 << 20) for _ in range(10)]  # of 80 MB
        del held
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

for threshold in (-1, -3):
    ctypes.CDLL(None).mallopt(threshold, 128 << 10)
given_back = page_faults()
try:
    with freed_memory_kept():
        page_faults()
        kept = page_faults()
        raise ValueError
except ValueError:
    print(kept, given_back)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    kept, given_back = map(int, done.stdout.split())
    assert given_back > 1000 and kept < 0.01 * given_back


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_other_systems_are_left_as_they_are(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr("ctypes.CDLL", lambda _: pytest.fail("no library is to be loaded"))
    with freed_memory_kept():
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="what is kept is known of glibc only")
def test_only_the_outermost_block_gives_it_back() -> None:
    script = """
import resource
from pathlib import Path
import torch
from napari_unet.inference.freed_memory import freed_memory_kept

def use():
    held = [torch.ones(20 << 20) for _ in range(4)]

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() >> 20

before = resident()
with freed_memory_kept():
    with freed_memory_kept():
        use()
    inside = resident()
print(before, inside, resident())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    before, inside, after = map(int, done.stdout.split())
    assert inside > before + 300 and after < before + 50
