"""First masks for the cases of a review project, from the command line."""

from __future__ import annotations

import importlib.util
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_unet.cli.console import complain, once_each, stderr, stdout, watched
from napari_unet.cli.overlapped import Balance, is_large, overlapped
from napari_unet.cli.usage import model_labels, model_warning
from napari_unet.cluster.first_masks import Asked, first_masks
from napari_unet.core.auto import AUTO
from napari_unet.core.checks import UNLIKE
from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone
from napari_unet.core.first_mask import as_first_mask
from napari_unet.core.image_kind import images_of, kind_of_modality
from napari_unet.core.wording import counted, listed
from napari_unet.engine.here import engine
from napari_unet.io.formats import read_raster
from napari_unet.models.library import default_library
from napari_unet.review.check_results import store_first_mask
from napari_unet.review.labels import OtherLabels
from napari_unet.review.types import DECIDED

if TYPE_CHECKING:
    from napari_unet.cluster.workplace import Workplace
    from napari_unet.core.prediction import Prediction
    from napari_unet.core.raster import Raster
    from napari_unet.review.store import ReviewProject


def admit_model(project: ReviewProject, model: str, answer: str | None, by: str) -> None:
    """Says what the project's masks hold if that follows the model from now on; warns of one for teaching.

    answer : see `MaskMaker`.

    Raises UserError if the model's masks would not mean in this project what they say.
    """
    if warning := model_warning(model):
        complain(warning)
    labels = model_labels(model, answer)
    if labels is not None and project.admit(labels, by):
        stderr.print(f"The masks of this project have the labels {labels.in_words()}, as those of {model}.")


@dataclass(frozen=True)
class MaskMaker:
    """Makes first masks for a project.

    model : "auto" for those in use, by the kind of each image. answer : which of the model's, as in
    `ModelCard.output_named`; one of scores makes no mask. where : the cluster, or None for this process.
    """

    project: ReviewProject
    model: str
    answer: str | None
    device: str
    by: str
    where: Callable[[], AbstractContextManager[Workplace | None]]

    def make(self, ids: Sequence[str]) -> bool:
        """A mask for each case; True if one of them failed. An image it is not for is not a failure."""
        with self.where() as place:
            made, scored, refused, failed = watched("Making first masks", self._steps(ids, place))
        aside = (
            f"; {refused} unsuitable for this model, first in the queue by anatomy checks" if refused else ""
        )
        only = f"; {scored} scored, without a mask" if scored else ""
        which = listed(list(made)) if self.model == AUTO else self.model
        by = f" by {which}" if which else ""
        stdout.print(f"{counted(made.total(), 'first mask')}{by}{only}{aside}.")
        return failed > 0

    def make_where_possible(self, ids: Sequence[str], here: bool) -> bool:
        """As `make`, where nobody has named a model: what "auto" cannot do is told, and is not a failure.

        Cases that are decided, or unsuitable for a model before, are left as they are. here : no cluster of
        other computers makes the masks.
        """
        possible = self._possible(ids, here)
        return bool(possible) and self.make(possible)

    def _possible(self, ids: Sequence[str], here: bool) -> list[str]:
        cases = [case for case in map(self.project.case, ids) if case.status not in DECIDED]
        fresh = [case for case in cases if UNLIKE not in (case.checks or ())]
        if before := len(cases) - len(fresh):
            were = "case was" if before == 1 else "cases were"
            stderr.print(f"{before:,} {were} unsuitable for a model before; --model auto tries again.")
        kinds: dict[str, list[str]] = {}
        for case in fresh:
            kinds.setdefault(kind_of_modality(case.modality), []).append(case.id)
        if kinds and here:
            try:
                self._check_engine()
            except UserError as error:
                stderr.print(f"No first masks: {error}", markup=False)
                return []
        possible = []
        for kind, of_kind in kinds.items():
            try:
                self._check_model_in_use(kind, here)
            except UserError as error:
                which = f"{images_of(kind)} ({counted(len(of_kind), 'image')})"
                stderr.print(f"No first masks for {which}: {error}", markup=False)
            else:
                possible += of_kind
        return possible

    def _check_engine(self) -> None:
        """Raises UserError if no network runs here."""
        if importlib.util.find_spec("torch") is None:
            raise UserError("PyTorch is not installed.", "Run: pip install torch")
        engine().submit("pick_device", name=self.device).result()

    def _check_model_in_use(self, kind: str, here: bool) -> None:
        """Raises UserError if the model in use for a kind of image is damaged, or not for this project."""
        entry = default_library().for_kind(kind)
        if here:
            entry.verify_weights()
        admit_model(self.project, entry.card.name, None, self.by)

    def _steps(
        self, ids: Sequence[str], place: Workplace | None
    ) -> Generator[CaseDone, None, tuple[Counter[str], int, int, int]]:
        """Returns how many masks each model made, in the order of use; then cases scored, refused, failed."""
        made: Counter[str] = Counter()
        scored = refused = failed = 0
        tell_chosen = once_each()
        masks = self._here(ids) if place is None else self._there(ids, place)
        for done, (case, first) in enumerate(masks, start=1):
            number = self.project.case(case).number
            if isinstance(first, UserError):
                failed += 1
                complain(f"Case {number}: {first.problem}")
                yield CaseDone(case, done, len(ids), first.problem)
                continue
            if first.refused:
                refused += 1
                stderr.print(f"Case {number}: {first.refused}", markup=False)
            elif first.drawn is None:
                scored += 1
            else:
                made[first.model] += 1
            tell_chosen(first.chosen)
            yield CaseDone(case, done, len(ids))
        return made, scored, refused, failed

    def _here(self, ids: Sequence[str]) -> Iterator[tuple[str, Prediction | UserError]]:
        """While the network is at a case, the next is read, and the labels of the last are made and kept."""
        balance = Balance()

        def read(case: str) -> tuple[Raster, float]:
            start = time.perf_counter()
            return read_raster(self.project.source(case)), time.perf_counter() - start

        def work(_: int, __: str, found: tuple[Raster, float]) -> tuple[Raster, float, Prediction]:
            start = time.perf_counter()
            engine().spare_threads(balance.spared)
            asked = {"model": self.model, "device": self.device, "output": self.answer, "finished": False}
            prediction = engine().submit("first_mask", image=found[0], **asked).result()
            balance.network = time.perf_counter() - start
            return *found, prediction

        def write(case: str, made: tuple[Raster, float, Prediction]) -> tuple[str, Prediction | UserError]:
            raster, seconds, prediction = made
            start = time.perf_counter()
            first = as_first_mask(prediction, raster)
            store_first_mask(self.project, case, first, self.by)
            balance.beside = seconds + time.perf_counter() - start
            return case, first

        def failed(case: str, error: Exception) -> tuple[str, Prediction | UserError]:
            if isinstance(error, OtherLabels) or not isinstance(error, UserError):
                raise error  # so would all others
            return case, error

        yield from overlapped(ids, read, work, write, failed, lambda found: is_large(found[0]))

    def _there(self, ids: Sequence[str], place: Workplace) -> Iterator[tuple[str, Prediction | UserError]]:
        images = {case: self.project.source(case) for case in ids}
        for case, first in first_masks(place, images, Asked(self.model, self.answer, self.device)):
            if not isinstance(first, UserError):
                store_first_mask(self.project, case, first, self.by)
            yield case, first
