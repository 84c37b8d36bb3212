"""First masks for the cases of a review project, from the command line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

from napari_unet.cli.console import complain, once_each, stderr, stdout, watched
from napari_unet.cli.engine import engine
from napari_unet.cli.usage import model_labels
from napari_unet.core.auto import AUTO
from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone
from napari_unet.core.wording import counted, listed
from napari_unet.review.check_results import store_first_mask

if TYPE_CHECKING:
    from napari_unet.review.store import ReviewProject


def admit_model(project: ReviewProject, model: str, answer: str | None, by: str) -> None:
    """Says what the project's masks hold if that follows the model from now on. answer : see `first_masks`.

    Raises UserError if the model's masks would not mean in this project what they say.
    """
    labels = model_labels(model, answer)
    if labels is not None and project.admit(labels, by):
        stderr.print(f"The masks of this project have the labels {labels.in_words()}, as those of {model}.")


def first_masks(
    project: ReviewProject, ids: Sequence[str], model: str, answer: str | None, device: str, by: str
) -> bool:
    """A mask by `model` for each case; True if one of them failed. An image it is not for is not a failure.

    model : "auto" for those in use, by the kind of each image. answer : which of the model's, as in
    `ModelCard.output_named`; one of scores makes no mask.
    """
    steps = _steps(project, ids, model, answer, device, by)
    made, scored, refused, failed = watched("Making first masks", steps)
    aside = f"; {refused} unsuitable for this model, first in the queue by anatomy checks" if refused else ""
    only = f"; {scored} scored, without a mask" if scored else ""
    which = listed(list(made)) if model == AUTO and made else model
    stdout.print(f"{counted(made.total(), 'first mask')} by {which}{only}{aside}.")
    return failed > 0


def _steps(
    project: ReviewProject, ids: Sequence[str], model: str, answer: str | None, device: str, by: str
) -> Generator[CaseDone, None, tuple[Counter[str], int, int, int]]:
    """Returns how many masks each model made, in the order of use; then cases scored, refused and failed."""
    made: Counter[str] = Counter()
    scored = refused = failed = 0
    tell_chosen = once_each()
    for done, case in enumerate(ids, start=1):
        number = project.case(case).number
        try:
            image = project.source(case)
            job = engine().submit("first_mask", image=image, model=model, device=device, output=answer)
            first = job.result()
        except UserError as error:
            failed += 1
            complain(f"Case {number}: {error.problem}")
            yield CaseDone(case, done, len(ids), error.problem)
            continue
        if first.refused:
            refused += 1
            stderr.print(f"Case {number}: {first.refused}", markup=False)
        elif first.drawn is None:
            scored += 1
        else:
            made[first.model] += 1
        tell_chosen(first.chosen)
        store_first_mask(project, case, first, by)
        yield CaseDone(case, done, len(ids))
    return made, scored, refused, failed
