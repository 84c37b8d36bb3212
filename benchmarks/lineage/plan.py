"""What is trained on what: the rows of the table, one change at a time, and the two sets of images.

A quick training has images of half the size (a quarter of the pixels) and a twelfth of the epochs. Of rows
that have one network and differ in its training, the first is trained.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from napari_unet.core.border_weights import BorderWeights
from napari_unet.core.input_rule import InputRule
from napari_unet.core.label_set import LUNGS, Label, LabelSet
from napari_unet.core.masks import MaskRule
from napari_unet.models.card import NetSpec
from napari_unet.training.augment_config import AugmentConfig
from napari_unet.training.config import TrainingConfig
from napari_unet.training.recipe import DataConfig, Recipe, ScoreConfig

CELLS = LabelSet("cells", (Label(1, "cell"),))
_TODAY = {"depth": 4, "norm": "batch", "up": "transposed", "block": "plain"}


@dataclass(frozen=True)
class Row:
    """One network and its training.

    title : in the table. kind, arguments : of the network; its width is the set's. training : what differs
    from TrainingConfig on every set. augment : what differs there. share : of a set's epochs; a step of a
    wide or dense network takes longer. main : one of the four networks of the lecture, which are trained with
    three seeds. against : the row from which it differs by one thing, or "". gpu : is trained on a GPU only.
    """

    name: str
    title: str
    kind: str
    arguments: dict[str, Any]
    training: dict[str, Any] = field(default_factory=dict)
    augment: dict[str, float] = field(default_factory=dict)
    share: float = 1.0
    main: bool = False
    against: str = "today"
    gpu: bool = False

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of whole trainings; quick ones have 0, and shorter ones, that were still rising, had 1."""
        return (2, 3, 4) if self.main else (2,)


def _today(name: str, title: str, against: str = "today", main: bool = False, **changes: Any) -> Row:
    """Today's U-Net with other arguments."""
    arguments = _TODAY | changes
    return Row(name, title, "unet", arguments, {"learning_rate": 3e-3}, main=main, against=against)


def _window(side: int, main: bool) -> Row:
    return Row(
        f"ciresan-{side}" if not main else "ciresan",
        f"Cireşan 2012, window of {side}",
        "sliding-window",
        {"window": side},
        {"loss": "cross-entropy", "balanced_pixels": True, "learning_rate": 3e-3},
        {"turn": 0.75, "upside_down": 0.5},
        share=0.15,
        main=main,
        against="" if main else "ciresan",
    )


_PUBLISHED = {"loss": "cross-entropy", "optimiser": "sgd", "momentum": 0.9, "learning_rate": 0.1}
_BORDERS = {"border_weights": BorderWeights()}
_AS_2015 = Row(
    "unet-2015",
    "U-Net 2015",
    "unet-2015",
    {},
    _PUBLISHED | _BORDERS | {"weight_decay": 0.0},
    {"elastic": 1.0, "elastic_px": 10.0},
    share=1.5,
    main=True,
    against="",
)
_BASE = _today("today", "Today's U-Net: padded, batch normalisation", against="")
ROWS = (
    _window(65, main=True),
    _today("encoder-decoder", "Today's U-Net without skips", main=True, skips=False),
    _AS_2015,
    _today("residual", "Today's U-Net with residual blocks", main=True, block="residual"),
    _BASE,
    _window(95, main=False),
    _today("no-padding", "Without padding", padded=False),
    _today("interpolation", "Interpolation, not deconvolution", up="interpolate"),
    _today("instance-norm", "Instance normalisation", norm="instance"),
    _today("no-norm", "Without normalisation", norm="none"),
    _today("no-norm-no-skips", "Without normalisation and skips", "no-norm", norm="none", skips=False),
    _today("no-norm-residual", "Residual, without normalisation", "no-norm", norm="none", block="residual"),
    replace(_BASE, name="cross-entropy", title="Cross-entropy alone, without Dice", against="today",
            training=_BASE.training | {"loss": "cross-entropy"}),
    replace(_BASE, name="weight-map", title="Weight map, beside cross-entropy alone", against="cross-entropy",
            training=_BASE.training | {"loss": "cross-entropy"} | _BORDERS),
    replace(_BASE, name="elastic", title="Elastic deformation of 2015: all samples, 3×3 points, 10 px",
            against="today", augment={"elastic": 1.0, "elastic_px": 10.0}),
    replace(_BASE, name="no-elastic", title="Without elastic deformation", against="today",
            augment={"elastic": 0.0}),
    replace(_AS_2015, name="2015-no-weights", title="U-Net 2015 without the weight map", main=False,
            against="unet-2015", training=_PUBLISHED | {"weight_decay": 0.0}),
    replace(_AS_2015, name="2015-64", title="U-Net 2015 at its own width, 64", main=False,
            against="unet-2015", arguments={"base": 64}, gpu=True),
)  # fmt: skip
"""In the order of the tables."""


@dataclass(frozen=True)
class ImageSet:
    """Images to train and to test on.

    base : channels of the first level of a U-Net. tests : place and source of test
    images, which are read once, after everything has been chosen. divides : whether it is divided into many
    objects, so that V_rand and V_info are measured, at a threshold of their own.
    """

    name: str
    title: str
    size: tuple[int, int]
    base: int
    epochs: int
    batch: int
    data: DataConfig
    labels: LabelSet
    mask_rule: MaskRule
    augment: AugmentConfig
    tests: tuple[tuple[str, ScoreConfig], ...]
    divides: bool

    def recipe(self, row: Row, seed: int, quick: bool = False) -> Recipe:
        """How a row is trained on this set."""
        sliding = row.kind == "sliding-window"
        width = (
            {"maps": 24, "hidden": 100} if sliding else {"base": self.base}
        )  # the window: half the paper's
        epochs = max(2, round(self.epochs * row.share / (12 if quick else 1)))
        plan = TrainingConfig(
            epochs=epochs,
            batch=self.batch,
            weight_decay=row.training.get("weight_decay", 2e-2),
            average=0.99,
            patience=epochs,
            check_every=max(1, epochs // (4 if quick else 12)),
            precision="bfloat16",
            gradients=True,
            seed=seed,
            augment=replace(self.augment, **row.augment),
            **{name: value for name, value in row.training.items() if name != "weight_decay"},
        )
        height, width_px = self.size
        return Recipe(
            name=f"{self.name}-{row.name}-{seed}" + "-quick" * quick,
            data=(self.data,),
            input=InputRule(size=(height // 2, width_px // 2) if quick else self.size),
            net=NetSpec(kind=row.kind, arguments=width | row.arguments),
            labels=self.labels,
            mask_rule=self.mask_rule,
            flips=False,
            training=plan,
            card={"use": "teaching", "title": row.title},
        )


_BLOCK = DataConfig(
    "$NAPARI_UNET_DATA/em/isbi2012",
    name="ISBI 2012",
    columns={"patient": "file"},
    val_patients=("22.png", "23.png", "24.png"),
    leave_out={"21.png": "between training and validation: slices beside each other are alike"},
    licence="none stated",
    attribution="Cardona et al. 2010",
)
_MONTGOMERY = DataConfig("$NAPARI_UNET_DATA/cxr/montgomery", name="Montgomery County")
_SHENZHEN = DataConfig("$NAPARI_UNET_DATA/cxr/shenzhen_eval", name="Shenzhen")
SETS = (
    ImageSet(
        "em",
        "Neuronal membranes (ISBI 2012)",
        size=(512, 512),
        base=16,
        epochs=60,
        batch=1,
        data=_BLOCK,
        labels=CELLS,
        mask_rule=MaskRule(largest_parts=0, min_part_share=0, fill_holes=False),
        augment=AugmentConfig(reframe=0, opacity=0, effusion=0, cover=0, upside_down=0.5, turn=0.75),
        tests=(("5 slices of the same block", ScoreConfig(_BLOCK)),),
        divides=True,
    ),
    ImageSet(
        "xray",
        "Lungs in chest X-rays (Montgomery)",
        size=(256, 256),
        base=16,
        epochs=50,
        batch=8,
        data=_MONTGOMERY,
        labels=LUNGS,
        mask_rule=MaskRule(),
        augment=AugmentConfig(),
        tests=(("Montgomery", ScoreConfig(_MONTGOMERY)), ("Shenzhen", ScoreConfig(_SHENZHEN))),
        divides=False,
    ),
)
"""On X-rays only the main rows and their base are trained: what an idea brings shows on membranes."""


def planned(images: ImageSet, row: Row) -> bool:
    """Whether a row is trained on a set."""
    return images.divides or row.main or row.name == "today"


def runs(quick: bool = False) -> list[tuple[ImageSet, Row, int]]:
    """Set, row and seed of every training; one seed of everything, then the others. Quick: one a network."""
    every = [(images, row) for images in SETS for row in ROWS if planned(images, row)]
    if quick:
        first: dict[tuple[str, str], tuple[ImageSet, Row, int]] = {}
        for images, row in every:
            first.setdefault((images.name, images.recipe(row, 0).net.model_dump_json()), (images, row, 0))
        return [run for run in first.values() if not run[1].gpu]
    return sorted(
        ((images, row, seed) for images, row in every for seed in row.seeds), key=lambda run: run[2]
    )
