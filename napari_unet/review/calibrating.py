"""Thresholds of a model's scores by the cases of a project: blind first calls, or an imported reference.

A calibration is an event: it is never changed, and the last one of a finding and a version of a model counts.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, select

from napari_unet.core.calibration import Calibration, Truth, calibrate
from napari_unet.core.errors import UserError
from napari_unet.review.schema import events
from napari_unet.review.second_reader import all_scores, readings, references
from napari_unet.review.trail import note_event

CALIBRATED = "calibrated"
"""Kind of the event."""


def calibrate_findings(
    connection: Connection, by: str, truth: Truth, model: str, version: str, sensitivity: float
) -> list[Calibration]:
    """Calibrates every finding of a model that was scored here, and keeps the results.

    A first call counts if it was blind and takes a side; where readers of a case differ, the case is left
    out. Raises UserError if nothing was scored by this version of the model, or there are too few cases for
    any of its findings; then nothing is kept.
    """
    scores = _scores_by(connection, model, version)
    if not scores:
        raise UserError(
            f"No case of this project has a score of {model} {version}.",
            f"Score the cases first: napari-unet-lung review add PROJECT IMAGES --model {model}",
        )
    known = _known(connection, truth)
    found, refused = [], None
    for finding, by_case in scores.items():
        cases = [case for case in by_case if (case, finding) in known]
        try:
            found.append(
                calibrate(
                    finding,
                    [by_case[case] for case in cases],
                    [known[case, finding] for case in cases],
                    model=model,
                    version=version,
                    source=truth.value,
                    sensitivity=sensitivity,
                )
            )
        except UserError as error:
            refused = refused or error
    if refused is not None and not found:
        raise refused
    for one in found:
        note_event(connection, None, by, CALIBRATED, **asdict(one))
    return found


def calibrations(connection: Connection) -> list[Calibration]:
    """Those that count, in the order in which they were made."""
    rows = connection.execute(
        select(events.c.details).where(events.c.kind == CALIBRATED).order_by(events.c.number)
    )
    last = {}
    for details in rows.scalars():
        one = _from_json(details)
        last[one.finding, one.model, one.version] = one
    return list(last.values())


def _scores_by(connection: Connection, model: str, version: str) -> dict[str, dict[str, float]]:
    """By finding and case."""
    found: dict[str, dict[str, float]] = {}
    for case, one in all_scores(connection):
        if (one.model, one.version) == (model, version):
            found.setdefault(one.finding, {})[case] = one.score
    return found


def _known(connection: Connection, truth: Truth) -> dict[tuple[str, str], bool]:
    """By case and finding."""
    if truth is Truth.REFERENCE:
        return references(connection)
    said: dict[tuple[str, str], set[bool]] = {}
    for one in readings(connection):
        if one.blind and one.first.present is not None:
            said.setdefault((one.case, one.finding), set()).add(one.first.present)
    return {about: sides.pop() for about, sides in said.items() if len(sides) == 1}


def _from_json(details: dict[str, Any]) -> Calibration:
    rates = {name: tuple(details[name]) for name in ("sensitivity", "specificity")}
    return Calibration(**{**details, **rates})
