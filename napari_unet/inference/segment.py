"""The one way from a raster to a prediction: input check, model, predictor."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from napari_unet.core.auto import AUTO
from napari_unet.core.checks import INVERTED, SITUS, UNLIKE, Code, check_mask
from napari_unet.core.ct_content import check_kind_or_content, ct_content_notes, other_part_notes
from napari_unet.core.errors import UserError
from napari_unet.core.events import Note
from napari_unet.core.image_kind import kind_of
from napari_unet.core.input_check import ShapePrior, check_pixels, content_notes, polarity_note
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import Modality, Raster, modality_of
from napari_unet.core.situs import SITUS_NOTE
from napari_unet.core.steps import run
from napari_unet.inference.device import pick_device
from napari_unet.inference.predictor import Predictor, Steps
from napari_unet.models.checkpoint import load_model
from napari_unet.models.library import ModelEntry, ModelLibrary, default_library

_SHAPE = (Code.NO_LUNG, Code.MISSING_LUNG, Code.RATIO, Code.BORDER, Code.EXTRA_PARTS)  # what looks unlike


class PredictorCache:
    """The predictors used last, so that a second image does not load the model again."""

    def __init__(self, size: int = 2) -> None:
        self._size = size
        self._kept: OrderedDict[tuple[str, str, str], Predictor] = OrderedDict()

    def get(self, entry: ModelEntry, device: str) -> Predictor:
        """The predictor for a model on a device ("auto", "cpu", ...), loaded if it is not here yet."""
        chosen = pick_device(device)
        key = (str(entry.folder), entry.card.sha256, str(chosen))
        if key not in self._kept:
            self._kept[key] = Predictor(load_model(entry), entry.card, chosen, fastest=True)
        self._kept.move_to_end(key)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)
        predictor = self._kept[key]
        if predictor.network.device != chosen:  # it fled to the CPU with an earlier, larger image
            del self._kept[key]
            return self.get(entry, device)
        return predictor


shared_cache = PredictorCache()
"""Where nobody brings one."""


def segment_steps(
    raster: Raster,
    *,
    model: str = AUTO,
    output: str | None = None,
    threshold: float | None = None,
    device: str = "auto",
    input_check: bool = True,
    masks_only: bool = True,
    show_slices: bool = False,
    cache: PredictorCache | None = None,
    library: ModelLibrary | None = None,
) -> Steps:
    """Segments a raster: yields TileDone and Notes, returns the Prediction.

    model : a name in the library, a folder, or "auto" for the model in use for this kind of image; what was
    chosen and why stands in `Prediction.chosen`. output : which of its answers, see `ModelCard.output_named`.
    threshold : None for the card's. input_check : False skips the check of what the image shows. masks_only :
    False takes an answer of scores, too, whose map is not a mask. show_slices : of a volume each slice is
    shown when it is done (SliceDone in place of TileDone).
    Closing the steps throws away what is done. Of a stack it is kept if STOP (core.steps) is sent in return
    for a TileDone, to a job by `EngineJob.ask(STOP)`: see `Predictor`.
    Raises NotForModel for images that the model is not for, UserError for models, answers and devices that
    cannot be used.
    """
    if threshold is not None and not 0 <= threshold <= 1:
        raise UserError(f"The threshold {threshold} is not a probability.", "Give a number from 0 to 1.")
    check_pixels(raster)
    entry, chosen = (library or default_library()).for_image(model, kind_of(raster))
    card, answer = entry.card, entry.card.output_named(output)
    if masks_only and answer.task != "segmentation":
        which = f"answer {answer.id} of the model" if len(card.outputs) > 1 else "model"
        raise UserError(f"The {which} {card.name} gives scores and no masks.", "Choose a model for masks.")
    check_kind_or_content(raster, answer.labels.of_lungs, card.modalities, card.views, card.body_parts)
    little_lung: tuple[str, ...] = ()
    other_part: tuple[str, ...] = ()
    if input_check and answer.labels.of_lungs:
        little_lung = ct_content_notes(raster, card.modalities, card.use, card.body_parts)
        other_part = other_part_notes(raster, card.body_parts)
    facts = card.facts_against(raster.header())
    of_image = (*raster.notes, *other_part, *(fact.text for fact in facts), *little_lung)
    before = (*filter(None, [card.warning]), *of_image)
    for text in (*filter(None, [chosen]), *before):
        yield Note(text)
    inverted = raster.inverted
    if inverted is None and modality_of(raster) is Modality.CT:
        inverted = False  # Hounsfield units rise with what X-rays do not get through
    shown_at = (answer.threshold if threshold is None else threshold) if show_slices else None
    predictor = (cache or shared_cache).get(entry, device)
    prediction = yield from predictor.steps(raster, inverted, answer.id, shown_at)
    found = polarity_note(inverted, prediction.inverted, measured=bool(prediction.plausibility))
    prior = answer.likeness
    if input_check and prior is not None:
        found += content_notes(prediction.plausibility, prior, card.use, _unusual(prediction, prior))
    for text in found:
        yield Note(text)
    unlike = bool(little_lung)
    if prior is not None:
        unlike |= min(prediction.plausibility, default=1.0) < prior.flag
    checked = {UNLIKE: unlike, INVERTED: prediction.inverted, SITUS: SITUS_NOTE in prediction.notes}
    return replace(
        prediction,
        chosen=chosen,
        notes=(*before, *found, *prediction.notes),
        threshold=prediction.threshold if threshold is None else threshold,
        image_checks=(
            *(code for code, seen in checked.items() if seen),
            *(fact.code for fact in facts),
        ),
    )


def _unusual(prediction: Prediction, prior: ShapePrior) -> list[str]:
    """What is unusual in the mask of a single image that is to be flagged: one lung much smaller, say."""
    found = prediction.plausibility
    if (
        len(found) != 1
        or found[0] >= prior.flag
        or prediction.planes > 1
        or not prediction.label_set.of_lungs
    ):
        return []
    results = check_mask(prediction.mask(), None, prediction.row_direction)
    return [result.text for result in results if result.code in _SHAPE]


def segment(
    raster: Raster,
    *,
    model: str = AUTO,
    output: str | None = None,
    threshold: float | None = None,
    device: str = "auto",
    input_check: bool = True,
) -> Prediction:
    """`segment_steps` without the events."""
    return run(
        segment_steps(
            raster, model=model, output=output, threshold=threshold, device=device, input_check=input_check
        )
    )
