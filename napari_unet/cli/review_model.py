"""First masks for the cases of a review project, from the command line. Imports torch."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

from napari_unet.cli.console import complain, stderr, stdout, watched
from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone
from napari_unet.core.steps import run
from napari_unet.inference.first_mask import first_mask_steps
from napari_unet.review.findings import store_first_mask

if TYPE_CHECKING:
    from napari_unet.review.store import ReviewProject


def first_masks(project: ReviewProject, ids: Sequence[str], model: str, device: str, by: str) -> bool:
    """A mask by `model` for each case; True if one of them failed. An image it is not for is no failure."""
    made, refused, failed = watched("Making first masks", _steps(project, ids, model, device, by))
    aside = f"; {refused} not for this model, first in the queue by anatomy checks" if refused else ""
    stdout.print(f"{'1 first mask' if made == 1 else f'{made} first masks'} by {model}{aside}.")
    return failed > 0


def _steps(
    project: ReviewProject, ids: Sequence[str], model: str, device: str, by: str
) -> Generator[CaseDone, None, tuple[int, int, int]]:
    made = refused = failed = 0
    for done, case in enumerate(ids, start=1):
        number = project.case(case).number
        try:
            first = run(first_mask_steps(project.source(case), model, device))
        except UserError as error:
            failed += 1
            complain(f"Case {number}: {error.problem}")
            yield CaseDone(case, done, len(ids), error.problem)
            continue
        if first.refused:
            refused += 1
            stderr.print(f"Case {number}: {first.refused}", markup=False)
        else:
            made += 1
        store_first_mask(project, case, first, by)
        yield CaseDone(case, done, len(ids))
    return made, refused, failed
