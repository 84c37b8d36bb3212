"""The stops as pictures and one HTML page, for a lecture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from napari_unet.core.inside import Look
from napari_unet.io.atomic import atomic_write
from napari_unet.io.pictures import write_png
from napari_unet.tour.captions import MISSING, PAGE_PURPOSE, PAGE_TITLE, UNREAD
from napari_unet.tour.picture import caption, picture
from napari_unet.tour.stops import Stop
from napari_unet.tour.words import Language

PAGE = "tour.html"


class Shown(NamedTuple):
    """A stop on the page. picture : the name of its file. missing : a sentence, or ""."""

    number: int
    title: str
    sentence: str
    picture: str
    captions: str
    missing: str


def write_stop(folder: Path, stop: Stop, look: Look, language: Language) -> Shown:
    """Writes the picture of a stop to `folder`. Raises UserError as `picture` and `write_png` do."""
    title = f"{stop.number}. {stop.title.say(language)}"
    sentence = stop.sentence.say(language, look.facts)
    name = f"stop-{stop.number:02d}.png"
    write_png(folder / name, picture(look, title, sentence, language))
    missing = MISSING.say(language, {"models": ", ".join(look.missing)}) if look.missing else ""
    captions = "; ".join(caption(panel, language) for panel in look.panels)
    return Shown(stop.number, stop.title.say(language), sentence, name, captions, missing)


def write_page(folder: Path, stops: Sequence[Shown], image: str, language: Language) -> Path:
    """Writes the page beside the pictures and returns its path. image : what was looked at, in words."""
    page = folder / PAGE
    text = _template().render(
        language=language.value,
        title=PAGE_TITLE.say(language),
        purpose=PAGE_PURPOSE.say(language),
        unread=UNREAD.say(language),
        image=image,
        stops=stops,
    )
    with atomic_write(page) as partial:
        partial.write_text(text, encoding="utf-8")
    return page


@cache
def _template() -> Template:

    environment = Environment(
        loader=PackageLoader("napari_unet.tour"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.get_template("tour.html")
