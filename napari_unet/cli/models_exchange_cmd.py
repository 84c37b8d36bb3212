"""`napari-unet-lung models export` and `models import`: models for other people and other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_unet.cli.console import json_line, stderr, stdout
from napari_unet.cli.options import AsJson
from napari_unet.cli.usage import find_model


def export_model(
    name: Annotated[str, typer.Argument(help="Name or folder of a model.")],
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE.zip", help="The new file. [NAME.zip, or NAME.bioimageio.zip]"),
    ] = None,
    bioimageio: Annotated[
        bool, typer.Option("--bioimageio", help="A BioImage.IO package, for Fiji, ilastik and others.")
    ] = False,
    onnx: Annotated[
        Path | None, typer.Option("--onnx", metavar="FILE.onnx", help="The network as an ONNX file.")
    ] = None,
    with_memory: Annotated[
        bool, typer.Option("--with-memory", help="Include the replay set of your own model.")
    ] = False,
    author: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Who made the model, for --bioimageio; may be given several times."
        ),
    ] = None,
    licence: Annotated[
        str, typer.Option(metavar="SPDX", help="Licence of the model, for --bioimageio, such as CC-BY-4.0.")
    ] = "",
) -> None:
    """Write a model into one file: for this program (zip), for others (BioImage.IO, ONNX)."""
    if onnx is not None and (bioimageio or to is not None):
        raise typer.BadParameter("--onnx names its own file: give neither --bioimageio nor --to with it.")
    if (author or licence) and not bioimageio:
        raise typer.BadParameter("--author and --licence need --bioimageio.")
    if with_memory and (bioimageio or onnx is not None):
        raise typer.BadParameter("--with-memory is for this program's own format only.")
    if onnx is None and to is not None and not to.is_dir() and to.suffix.lower() != ".zip":
        raise typer.BadParameter(f"{to} must end in .zip.")
    if onnx is not None and onnx.suffix.lower() != ".onnx":
        raise typer.BadParameter(f"{onnx} must end in .onnx.")
    licence = licence and _spdx(licence)
    entry = find_model(name)
    if onnx is not None:
        from napari_unet.models.export_onnx import OPSET, export_onnx

        off = export_onnx(entry, onnx)
        stdout.print(f"{onnx}: opset {OPSET}, differs from PyTorch by {off:.1g} at most", markup=False)
        return
    default = f"{entry.card.name}.bioimageio.zip" if bioimageio else f"{entry.card.name}.zip"
    path = to / default if to is not None and to.is_dir() else to or Path(default)
    if bioimageio:
        from napari_unet.models.export_bioimageio import export_bioimageio

        if entry.shipped:
            author, licence = author or ["napari-unet-lung developers"], licence or "BSD-3-Clause"
        export_bioimageio(entry, path, tuple(author or ()), licence)
        for missing, option in ((not author, "--author"), (not licence, "--licence")):
            if missing:
                stderr.print(f"The package does not state it, because {option} was not given.", markup=False)
    else:
        from napari_unet.models.export_zip import export_zip

        card = export_zip(entry, path, with_memory or entry.shipped)
        if entry.card.memory is not None and card.memory is None:
            number = entry.card.memory.replay + entry.card.memory.gate
            stderr.print(
                f"Left out: the {number} images in the replay set of {card.name}, which may be of "
                "patients. Use --with-memory to include them, for fine-tuning on the other computer.",
                markup=False,
            )
    stdout.print(f"{entry.card.name} {entry.card.version} is in {path}", markup=False)


def _spdx(licence: str) -> str:
    """One licence as SPDX writes it; BioImage.IO takes no expression of several."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        known: str = canonicalize_license_expression(licence)
    except InvalidLicenseExpression:
        known = ""
    if not known or " " in known:
        raise typer.BadParameter(
            f"{licence} is not an SPDX licence (spdx.org/licenses), such as CC-BY-4.0 or BSD-3-Clause."
        )
    return known


def import_model(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Model folder, or a zip file of one.")],
    name: Annotated[str | None, typer.Option(metavar="NEW", help="Give the model another name.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check a model from elsewhere and put it into your model folder."""
    from napari_unet.models.importing import import_model as bring
    from napari_unet.models.library import default_library

    imported = bring(path, default_library(), name)
    card, folder = imported.entry.card, imported.entry.folder
    if imported.left_out:
        stderr.print(f"Ignored, not part of a model: {', '.join(imported.left_out)}", markup=False)
    if as_json:
        json_line({"name": card.name, "version": card.version, "folder": str(folder)})
    else:
        stdout.print(f"{card.name} {card.version} is in {folder}", markup=False)
