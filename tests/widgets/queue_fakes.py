"""Made-up cases, by the thousand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from napari_unet.review.types import Case, FileState, Status


def case(number: int, **values: Any) -> Case:
    """A case with a mask; its id is "c0007" for number 7."""
    told = {
        "id": f"c{number:04}",
        "number": number,
        "status": Status.NEW,
        "reason": None,
        "patient": f"{number % 500:06x}",
        "view": "PA",
        "modality": "DX",
        "split": "",
        "shape": (100, 80),
        "spacing_mm": None,
        "row_direction": None,
        "file_state": FileState.PRESENT,
        "content_hash": "",
        "reviewer": "",
        "note": "",
        "priority": 0.0,
        "why": "",
        "checks": (),
        "uncertainty": None,
        "revision": f"r{number}",
        "added": datetime(2026, 1, 1, tzinfo=UTC),
        "decided": None,
        "active_seconds": 0.0,
        "lease": "",
    }
    return Case(**{**told, **values})


def cases(count: int) -> dict[str, Case]:
    """New, accepted and rejected ones in turn; every tenth lacks a lung."""
    kinds = (Status.NEW, Status.ACCEPTED, Status.REJECTED)
    made = (
        case(n, status=kinds[n % 3], checks=("missing-lung",) if n % 10 == 0 else (), uncertainty=n / 1e5)
        for n in range(1, count + 1)
    )
    return {one.id: one for one in made}
