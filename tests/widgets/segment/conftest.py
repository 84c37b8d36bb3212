"""What tests of the Segment dock do again and again."""

from __future__ import annotations

import pytest
from dock_fakes import settle


@pytest.fixture
def finish(dock, qtbot):
    """End a job and wait until the dock is at rest."""

    def end(job, outcome) -> None:
        job.end(outcome)
        qtbot.waitUntil(lambda: dock._job is None)
        settle(qtbot, dock)

    return end
