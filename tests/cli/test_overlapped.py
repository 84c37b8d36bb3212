"""Many cases at once: in order, each once, never more than three in hand, and nothing lost at a stop."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.cli.overlapped import overlapped


class Line:
    """Three stages that note what they did; `faults` names (stage, case) that raise."""

    def __init__(self, faults: frozenset[tuple[str, int]] = frozenset(), large: bool = False) -> None:
        self.faults, self.large = faults, large
        self.done: list[tuple[str, int]] = []
        self.threads: dict[str, set[str]] = {"read": set(), "work": set(), "write": set()}
        self.held = self.most = 0
        self._lock = threading.Lock()

    def _step(self, stage: str, case: int) -> int:
        with self._lock:
            self.held += stage == "read"
            self.most = max(self.most, self.held)
            self.threads[stage].add(threading.current_thread().name)
            self.done.append((stage, case))
        if (stage, case) in self.faults:
            raise ValueError(f"{stage} {case}")
        return case

    def read(self, case: int) -> int:
        return self._step("read", case)

    def work(self, number: int, case: int, read: int) -> int:
        assert number == case == read
        return self._step("work", case)

    def write(self, case: int, made: int) -> str:
        assert case == made
        self._step("write", case)
        with self._lock:
            self.held -= 1
        return f"made {case}"

    def failed(self, case: int, error: Exception) -> str:
        with self._lock:
            self.held -= 1
        return f"failed {case}: {error}"

    def run(self, count: int) -> list[str]:
        stages = (self.read, self.work, self.write, self.failed)
        return list(overlapped(range(count), *stages, is_large=lambda _: self.large))


faults = st.frozensets(st.tuples(st.sampled_from(["read", "work", "write"]), st.integers(0, 5)), max_size=6)


@settings(deadline=None)
@given(st.integers(0, 6), faults, st.booleans())
def test_each_case_has_one_result_in_order(
    count: int, wrong: frozenset[tuple[str, int]], large: bool
) -> None:
    line = Line(wrong, large)
    results = line.run(count)
    stages = ("read", "work", "write")
    expected = []
    for case in range(count):
        first = next((stage for stage in stages if (stage, case) in wrong), None)
        expected.append(f"made {case}" if first is None else f"failed {case}: {first} {case}")
    assert results == expected
    assert len(line.done) == len(set(line.done))  # no stage twice
    assert line.held == 0 and line.most <= (2 if large else 3)


def test_work_stays_on_the_caller_s_thread() -> None:
    line = Line()
    line.run(4)
    assert line.threads["work"] == {threading.current_thread().name}
    assert not line.threads["read"] & line.threads["write"] and len(line.threads["read"]) == 1


def test_the_stages_overlap() -> None:
    """While a case is worked on the next is read and the last is written: each waits for the others here."""
    together = threading.Barrier(3)

    def meet(*given: int) -> int:
        if 0 < given[-1] < 9:
            together.wait(timeout=60)
        return given[-1]

    def read(case: int) -> int:
        return meet(case - 1)  # of the next case

    def write(case: int, made: int) -> int:
        return meet(case + 1)  # of the last case

    def work(number: int, case: int, content: int) -> int:
        return meet(case)

    found = list(overlapped(range(12), read, work, write, lambda case, error: pytest.fail(str(error))))
    assert len(found) == 12


@pytest.mark.parametrize("how", ["closed", "Ctrl+C"])
def test_what_was_made_is_written(how: str) -> None:
    written = []

    def write(case: int, made: int) -> int:
        time.sleep(0.05)
        written.append(case)
        return case

    def work(number: int, case: int, read: int) -> int:
        if how == "Ctrl+C" and case == 2:
            raise KeyboardInterrupt
        return case

    results = overlapped(range(9), lambda case: case, work, write, lambda case, error: -1)
    if how == "closed":
        assert next(results) == 0
        results.close()
    else:
        with pytest.raises(KeyboardInterrupt):
            list(results)
    assert written == [0, 1]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("read_", "write_"))]
