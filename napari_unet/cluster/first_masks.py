"""First masks on a cluster, one case a task: for `review add` and for the window."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_unet.cluster.run import Task
from napari_unet.cluster.task import Failed
from napari_unet.cluster.travel import Load, bytes_under_way, load
from napari_unet.cluster.workplace import Workplace, remote_workplace
from napari_unet.core.auto import AUTO
from napari_unet.core.errors import UserError
from napari_unet.core.events import FirstMaskMade
from napari_unet.core.image_kind import KINDS
from napari_unet.core.source import Source
from napari_unet.engine.here import engine

if TYPE_CHECKING:
    from napari_unet.core.prediction import Prediction
    from napari_unet.models.library import ModelLibrary


@dataclass(frozen=True)
class Asked:
    """What is asked of each case. model, answer, device : as model, output and device of `first_mask_steps`.

    preferred : by the kind of image, the models that "auto" means; the worker's own where none is named.
    """

    model: str
    answer: str | None = None
    device: str = "auto"
    preferred: Mapping[str, str] = field(default_factory=dict)


def first_masks(
    place: Workplace, images: Mapping[str, Source], asked: Asked
) -> Iterator[tuple[str, Prediction | UserError]]:
    """The first mask of each case, or why it has none, in the order in which they come.

    images : by the id of the case. Closing this takes back what is under way.
    """
    if not images:
        return
    by_name = place.shares(next(iter(images.values())))

    def task(case: str, image: Source) -> Task:
        def argument() -> _Sent:
            return _Sent(load(image, by_name, place.limits.patience_s), asked)

        return Task(case, _first_mask, argument, bytes_under_way(image, by_name))

    results = place.run(task(*one) for one in images.items())
    try:
        for one, outcome in results:
            yield one.name, UserError(outcome.reason) if isinstance(outcome, Failed) else outcome.result
    finally:
        results.close()


def first_masks_steps(
    address: str,
    images: Mapping[str, Source],
    model: str,
    library: ModelLibrary,
    output: str | None = None,
    device: str = "auto",
) -> Generator[FirstMaskMade, None, None]:
    """First masks on the cluster at an address, for the window: yields each as it comes.

    images : by the id of the case. library : of this computer; "auto" means what it means here, and workers
    have to have the same models. Raises UserError if the cluster cannot be used.
    """
    preferred = {kind: library.for_kind(kind).card.name for kind in KINDS} if model == AUTO else {}
    models = tuple(dict.fromkeys(preferred.values())) or (model,)
    with remote_workplace(address, models, device, library=library) as place:
        masks = first_masks(place, images, Asked(model, output, device, preferred))
        for case, made in masks:
            if isinstance(made, UserError):
                yield FirstMaskMade(case, None, made)
            else:
                yield FirstMaskMade(case, made)


@dataclass(frozen=True)
class _Sent:
    """A case under way to a worker, and what is asked of it."""

    load: Load
    asked: Asked


def _first_mask(sent: _Sent) -> Prediction:
    """On a worker."""
    from napari_unet.models.library import default_library

    asked, library = sent.asked, default_library()
    library.preferred.update(asked.preferred)
    with sent.load.there() as image:
        job = engine().submit(
            "first_mask",
            image=image,
            model=asked.model,
            device=asked.device,
            library=library,
            output=asked.answer,
        )
        made: Prediction = job.result()
    return made
