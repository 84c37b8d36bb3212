"""Options that several commands have, in the same words."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class LabelKind(StrEnum):
    """What the values in a mask mean."""

    LUNGS = "lungs"
    LEFT_RIGHT = "left-right"


def _threshold(text: str) -> float:
    """Words of our own: what typer says of a wrong number or choice depends on its version."""
    try:
        value = float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a number.") from None
    if not 0 < value < 1:  # nan too
        raise typer.BadParameter(f"{text} must lie between 0 and 1, exclusive.")
    return value


def _label_kind(text: str) -> LabelKind:
    try:
        return LabelKind(text)
    except ValueError:
        choices = " or ".join(LabelKind)
        raise typer.BadParameter(f"{text!r} is not known; choose {choices}.") from None


Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Number of processor threads.", show_default="all")]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume", help="Do only what is missing in OUT, or was made by another model, option or version."
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Work in N processes on this computer. [this one]", show_default=False
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Work on the cluster of dask.distributed at tls://HOST:PORT.",
        show_default=False,
    ),
]
CaseMinutes = Annotated[
    float,
    typer.Option(
        min=0.01, metavar="M", help="With --workers or --cluster: an image that takes longer is set aside."
    ),
]
ProjectFolder = Annotated[Path, typer.Argument(metavar="PROJECT", help="Folder of the review project.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]
JsonLines = Annotated[bool, typer.Option("--json", help="One JSON object per line on stdout.")]
Output = Annotated[
    Path, typer.Option("-o", "--output", metavar="OUT", file_okay=False, help="Folder for the results.")
]
MaskModel = Annotated[
    str,
    typer.Option(
        metavar="auto|NAME",
        help="Name or folder of a model; auto: the one in use for X-rays or CT, to suit each image.",
    ),
]
Answer = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="For a model with several answers: the name of one, old or new."),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        parser=_threshold,
        metavar="T",
        help="Between 0 and 1, instead of the model's own.",
        show_default=False,
    ),
]
Labels = Annotated[
    LabelKind | None,
    typer.Option(
        parser=_label_kind,
        metavar="[lungs|left-right]",
        help="lungs: both as one, 0 and 255 (NIfTI 0 and 1); left-right: 1 = right, 2 = left lung. Other "
        "labels keep their numbers. [as the model has them]",
        show_default=False,
    ),
]
Probability = Annotated[bool, typer.Option("--probability", help="Also write the probability.")]
Overlay = Annotated[bool, typer.Option("--overlay", help="Also write the image with outlines.")]
Seg = Annotated[
    bool, typer.Option("--seg", help="Also write a DICOM segmentation, with the patient and the study.")
]
Recursive = Annotated[bool, typer.Option("--recursive", help="Include sub-folders.")]
Anonymous = Annotated[bool, typer.Option("--anonymous", help="Replace case names with hashes.")]
