"""What a run on a cluster keeps to."""

from __future__ import annotations

from dataclasses import dataclass

MB = 1_000_000


@dataclass(frozen=True)
class Limits:
    """bytes_in_flight : of cases that are with the cluster at once; a larger case travels alone.

    case_s : a case that takes longer ends its worker process, so that no case holds a worker for ever.
    patience_s : how long a folder, a scheduler or workers that are gone are waited for. failures : as often
    as this a case may fail before it is set aside. per_thread : cases that are with the cluster at once, for
    each thread of its workers.
    """

    bytes_in_flight: int = 512 * MB
    case_s: float = 3600.0
    patience_s: float = 60.0
    failures: int = 3
    per_thread: int = 3
