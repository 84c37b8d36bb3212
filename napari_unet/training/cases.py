"""The cases of a fine-tune: which can be used, and how they look to the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from napari_unet.core.errors import UserError
from napari_unet.core.groups import group_stacks
from napari_unet.core.input_rule import InputRule
from napari_unet.core.leaks import Fingerprint, perceptual_hash
from napari_unet.core.raster import Raster
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.prepare import field_of, network_input
from napari_unet.models.card import ModelCard
from napari_unet.training.pairs import chosen_slices, read_pair
from napari_unet.training.samples import Samples, labelled

_LOOKED_AT = InputRule(size=(256, 256))  # where a model has no input size of its own
_KEPT = 512 << 20  # bytes of pixels that are held rather than read again for the comparison


@dataclass(frozen=True)
class Cases:
    """Usable cases, read.

    large, small : as samples, at 1.5 times the input size for training and at that size for scores.
    fingerprints : of each sample, what would give it away elsewhere. groups : for each pair a number, the
    same for cases that must not be parted: of one patient, of one file, or that look the same. shape : (Y, X)
    of the first image.
    """

    pairs: tuple[TrainingPair, ...]
    large: Samples
    small: Samples
    fingerprints: tuple[Fingerprint, ...]
    groups: tuple[int, ...]
    shape: tuple[int, int]

    def images_of(self, pair: int) -> list[Fingerprint]:
        """The fingerprint of each sample of one pair."""
        return [
            one for one, origin in zip(self.fingerprints, self.small.origins, strict=True) if origin == pair
        ]

    def samples(self, chosen: Sequence[int]) -> list[int]:
        """The samples of these pairs."""
        wanted = set(chosen)
        return [sample for sample, pair in enumerate(self.small.origins) if pair in wanted]


def read_cases(pairs: Sequence[TrainingPair], card: ModelCard) -> tuple[Cases, tuple[str, ...]]:
    """The cases that can be used, by id; what was assumed in reading them, and a sentence about each that
    cannot be used.

    Raises UserError for fewer than two usable cases, or cases of one patient only: none could be held out;
    and as `labelled` does, for models that cannot be fine-tuned and masks that are all empty.
    """
    usable: list[TrainingPair] = []
    problems: list[UserError] = []
    notes: list[str] = []
    shape, room = (0, 0), _KEPT
    for pair in sorted(pairs, key=lambda pair: pair.id):
        try:
            raster, labels, said = read_pair(pair, card)
            if raster.pixels.ndim == 3:
                chosen_slices(pair, raster)
        except UserError as error:
            problems.append(error)
            continue
        notes += said
        shape = shape if usable else (raster.shape[-2], raster.shape[-1])
        room -= raster.pixels.nbytes + labels.nbytes
        usable.append(replace(pair, image=raster, mask=labels) if room > 0 else pair)
    if len(usable) < 2:
        raise _too_few(len(usable), problems)
    small = labelled(usable, card, oversize=False)
    fingerprints = tuple(
        Fingerprint(usable[k].id, usable[k].patient, usable[k].content_hash, perceptual_hash(image))
        for k, image in zip(small.origins, small.middle, strict=True)
    )
    groups = group_stacks([pair.group for pair in usable], small.origins, fingerprints)
    if len(set(groups)) < 2:
        raise UserError(
            f"All {len(usable)} cases are of one patient or look the same, so none can be held out to test "
            "the new model.",
            "Accept or correct a case of another patient first.",
        )
    large = labelled(usable, card, oversize=True)
    notes += [f"Ignored: {error.problem}" for error in problems]
    return Cases(tuple(usable), large, small, fingerprints, groups, shape), tuple(notes)


def image_fingerprints(pair: TrainingPair, raster: Raster, card: ModelCard) -> tuple[Fingerprint, ...]:
    """What would give away each image of a pair elsewhere: its look is that of the model's input."""
    of_slices = card.input.size is not None and card.input.axes == 2
    rule = replace(card.input, neighbours=0) if of_slices else _LOOKED_AT
    chosen = chosen_slices(pair, raster) if raster.pixels.ndim == 3 else [0]
    fields = (field_of(raster, rule, z)[0] for z in chosen)
    inputs = (network_input(field, rule, card.intensity, bool(raster.inverted)) for field in fields)
    return tuple(
        Fingerprint("", pair.patient, pair.content_hash, perceptual_hash(image[0])) for image in inputs
    )


def _too_few(usable: int, problems: Sequence[UserError]) -> UserError:
    have = (
        f"Only {usable} of {usable + len(problems)} cases can be used"
        if problems
        else ("There is only one case" if usable else "There is no case")
    )
    why = f" ({problems[0].problem.rstrip('.')})" if problems else ""
    return UserError(
        f"{have}{why}; fine-tuning needs at least two.",
        "Accept or correct more cases; eight or more are best.",
    )
