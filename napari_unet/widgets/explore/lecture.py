"""The stops of the tour and the networks of the lecture, on the open image."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from qtpy.QtCore import QObject

from napari_unet.core.inside import Look, NetworkDone, WindowsDone
from napari_unet.core.lineage import CIRESAN, UNET_2015
from napari_unet.samples import CT
from napari_unet.tour.captions import LINEAGE_TITLE
from napari_unet.tour.picture import picture
from napari_unet.tour.stops import Stop
from napari_unet.widgets.explore.asking import Sight
from napari_unet.widgets.explore.inquiry import LOOKING, Inquiry
from napari_unet.widgets.explore.lineage_page import LineagePage, side_by_side
from napari_unet.widgets.explore.placed import BESIDE, WINDOWS
from napari_unet.widgets.explore.tour_page import TourPage


class Lecture(QObject):
    """Asks for what the two pages want to show, and shows it over the image and on them."""

    def __init__(self, inquiry: Inquiry, tour: TourPage, lineage: LineagePage) -> None:
        super().__init__(tour)
        self._inquiry, self._tour, self._lineage = inquiry, tour, lineage
        self._shown = inquiry.shown
        tour.wanted.connect(self.go_to)
        tour.left.connect(self._shown.end_picture)
        lineage.run.clicked.connect(self._on_lineage)
        lineage.window_run.clicked.connect(self._on_window)

    def go_to(self, stop: Stop) -> None:
        """Show a stop; without an image the tour is left."""
        sight = self._inquiry.sight()
        if sight is None:
            self._tour.leave()
            return
        language = self._inquiry.language()
        title = f"{stop.number}. {stop.title.say(language)}"

        def arguments() -> dict[str, Any]:
            return {"stop": stop.name, **sight.image_only(), "ct": CT.image}

        def drawn(look: Look) -> tuple[Look, np.ndarray]:
            return look, picture(look, title, stop.sentence.say(language, look.facts), language)

        shown = partial(self._inquiry.if_there, sight, self._on_stop)
        self._inquiry.say(LOOKING)
        self._inquiry.asker.ask("tour_stop", arguments, shown, self._on_count, drawn)

    def _on_stop(self, _sight: Sight, answer: tuple[Look, np.ndarray]) -> None:
        look, drawn = answer
        stop = self._tour.stop
        if stop is not None and stop.name == look.name:
            self._tour.say(look)
            self._shown.picture(drawn, f"Stop {stop.number}")

    def _on_count(self, event: object) -> None:
        if isinstance(event, WindowsDone):
            self._inquiry.say(f"{event.done:,} of {event.total:,} windows…")

    def _on_lineage(self) -> None:
        sight = self._inquiry.sight()
        if sight is None:
            return
        self._lineage.clear()
        language, given = self._inquiry.language(), {}

        def arguments() -> dict[str, Any]:
            given.update(sight.image_only())
            return dict(given)

        def drawn(found: tuple[NetworkDone, ...]) -> np.ndarray:
            look = side_by_side(given["raster"], found)
            return picture(look, LINEAGE_TITLE.say(language), sight.image.name, language)

        def shown(_: Sight, page: np.ndarray) -> None:
            self._shown.picture(page, "Lineage")

        answered = partial(self._inquiry.if_there, sight, shown)
        self._inquiry.say(LOOKING)
        self._inquiry.asker.ask("lineage", arguments, answered, self._on_network_done, drawn)

    def _on_network_done(self, event: object) -> None:
        if isinstance(event, NetworkDone):
            self._lineage.add(event)

    def _on_window(self) -> None:
        sight = self._inquiry.sight()
        if sight is None:
            return
        self._shown.end_picture()
        show = partial(self._on_windows, sight)
        given = {"model": CIRESAN, "beside": UNET_2015}
        self._inquiry.say(LOOKING)
        self._inquiry.asker.ask("windows", lambda: {**given, **sight.image_only()}, show, show)

    def _on_windows(self, sight: Sight, done: object) -> None:
        there = sight.still_there(self._inquiry.viewer.layers)
        if isinstance(done, NetworkDone):
            self._lineage.say_beside(done)
            if there and done.labels is not None:
                self._shown.beside(sight.image, sight.index, done.labels)
        elif isinstance(done, WindowsDone):
            self._inquiry.say("")
            self._lineage.count(done)
            if there:
                self._shown.windows(sight.image, sight.index, done)
        self._shown.only(WINDOWS, BESIDE)
