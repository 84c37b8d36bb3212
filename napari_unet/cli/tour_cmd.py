"""`napari-unet-lung tour`: ten stops from classification to segmentation, as pictures and one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_unet.cli.console import complain, progress_bar, stdout
from napari_unet.cli.options import Device
from napari_unet.core.errors import UserError
from napari_unet.core.raster import Raster
from napari_unet.tour.words import Language


def tour(
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FOLDER", file_okay=False, help="Folder for the pictures."),
    ],
    language: Annotated[
        str, typer.Option(metavar="en|ko", help="Language of the pictures and the page: English or Korean.")
    ] = Language.ENGLISH.value,
    image: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A chest X-ray in place of the sample Chest X-ray 2 (PA)."),
    ] = None,
    device: Device = "auto",
) -> None:
    """Walk through the networks that led to the U-Net, on one X-ray.

    Writes FOLDER/stop-01.png to stop-10.png and FOLDER/tour.html.
    """
    from napari_unet.cli.report import make_folder
    from napari_unet.core.steps import run
    from napari_unet.engine.here import steps
    from napari_unet.samples import CT
    from napari_unet.tour.fonts import font
    from napari_unet.tour.page import write_page, write_stop
    from napari_unet.tour.stops import TOUR

    spoken = _language(language)
    font(spoken, 12)  # before the work: pictures without letters help nobody
    raster, named = _image(image)
    make_folder(output)
    shown = []
    missing: dict[str, None] = {}
    with progress_bar("Touring", total=len(TOUR)) as bar:
        for stop in TOUR:
            look = run(steps("tour_stop", raster=raster, stop=stop.name, device=device, ct=CT.image))
            shown.append(write_stop(output, stop, look, spoken))
            missing |= dict.fromkeys(look.missing)
            bar.show(stop.number)
    page = write_page(output, shown, named, spoken)
    if missing:
        complain(f"Not in the library: {', '.join(missing)}. The stops that need them say so.")
    stdout.print(f"{len(shown)} stops; open {page}", markup=False)


def _language(text: str) -> Language:
    try:
        return Language(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not known; choose {' or '.join(Language)}.") from None


def _image(path: str | None) -> tuple[Raster, str]:
    """What is toured, and what it is called. Raises UserError for what is no single image."""
    from napari_unet.io.formats import read_raster
    from napari_unet.samples import SAMPLES

    if path is None:
        return read_raster(SAMPLES[1].image), SAMPLES[1].title
    raster = read_raster(Path(path))
    if raster.pixels.ndim != 2:
        raise UserError("The tour goes through a single X-ray, and this is a stack.", "Choose one image.")
    return raster, Path(path).name
