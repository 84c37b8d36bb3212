"""The network on the open image: maps of a block, masks after a change, receptive fields, operations."""

from __future__ import annotations

from collections.abc import Callable

from napari.layers import Image
from qtpy.QtCore import QObject

from napari_unet.core.inside import (
    Alteration,
    AlteredMask,
    AskField,
    AskLook,
    AskMaps,
    AskMask,
    FeatureMaps,
    ReceptiveField,
)
from napari_unet.tour.captions import OPERATIONS, UNALTERED
from napari_unet.tour.picture import picture
from napari_unet.widgets.explore.asking import Sight
from napari_unet.widgets.explore.clicks import Clicks
from napari_unet.widgets.explore.inquiry import Inquiry
from napari_unet.widgets.explore.network_page import NetworkPage
from napari_unet.widgets.explore.placed import BEFORE, BOX, FIELD, MAPS, MASK, PICTURE
from napari_unet.widgets.explore.under_mouse import UnderMouse, in_numbers
from napari_unet.widgets.session import Session


class NetworkOnImage(QObject):
    """Asks what the page wants to know, and shows the answers over the image and on the page.

    found : the maps that are shown. pixel : the one that was clicked last.
    """

    def __init__(
        self, inquiry: Inquiry, session: Session, page: NetworkPage, touring: Callable[[], bool]
    ) -> None:
        """touring : whether the tour is at a stop, whose picture stays while nothing is altered."""
        super().__init__(page)
        self._inquiry, self._page, self._shown, self._touring = inquiry, page, inquiry.shown, touring
        self.found: FeatureMaps | None = None
        self.pixel: tuple[int, int] | None = None
        self._clicks = Clicks(inquiry.viewer, self._clickable)
        self._clicks.clicked.connect(self.click)
        self._under_mouse = UnderMouse(session, self._clicks, inquiry.sight, lambda: page.network.current)
        self._under_mouse.found.connect(lambda look: page.say_numbers(in_numbers(look)))
        self._under_mouse.failed.connect(inquiry.asker.failed)
        page.maps_wanted.connect(self._on_maps_wanted)
        page.altered.connect(self._on_altered)
        page.look_wanted.connect(self._on_look_wanted)
        page.clicking.connect(self._clicks.switch)
        page.following.connect(self._on_following)
        page.silence_map_wanted.connect(self._on_silence_map)
        inquiry.viewer.dims.events.current_step.connect(self._on_slider)

    def close_down(self) -> None:
        """Release the viewer."""
        self._inquiry.viewer.dims.events.current_step.disconnect(self._on_slider)
        self._clicks.switch(False)
        self._under_mouse.switch(False)

    def forget(self) -> None:
        """Another image or network is looked at."""
        self.found = self.pixel = None
        self._page.reset()

    def put_down(self) -> None:
        """The image alone is looked at; what was clicked and changed stays."""
        self.found = None
        self._page.click.setChecked(False)
        self._page.follow.setChecked(False)
        self._page.say_nothing()

    def click(self, row: int, column: int) -> None:
        """Ask what the pixel's label depends on."""
        self.pixel = (row, column)
        self._inquiry.ask(AskField((row, column)), self._on_field)

    def _on_maps_wanted(self, stage: str) -> None:
        self._inquiry.ask(AskMaps(stage, alteration=self._page.alteration), self._on_maps)

    def _on_maps(self, sight: Sight, found: FeatureMaps) -> None:
        self.found = found
        self._shown.end_picture()
        self._shown.maps(sight.image, sight.index, found)
        self._shown.only(MAPS)
        self._page.say_maps(found)
        self._on_slider()

    def _map_in_view(self) -> int | None:
        """The number of the map that the slider shows; None without one."""
        at = self._shown.map_in_view()
        if self.found is None or at is None or not 0 <= at < len(self.found.order):
            return None
        return self.found.order[at]

    def _on_slider(self, *_: object) -> None:
        """Another map is in front."""
        number = self._map_in_view()
        if number is not None:
            self._page.say_map(number)

    def _on_silence_map(self) -> None:
        number = self._map_in_view()
        if self.found is None or number is None:
            self._inquiry.say(
                "Choose a block first: its maps come over the image, and the slider chooses one."
            )
            return
        self._page.silence_one(self.found.stage, number)

    def _on_altered(self, alteration: Alteration) -> None:
        self._inquiry.ask(AskMask(alteration), self._on_mask)

    def _on_mask(self, sight: Sight, found: AlteredMask) -> None:
        if found.alteration or not self._touring():
            self._shown.end_picture()
        self._page.say_mask(found)
        if found.alteration and not found.scores:
            self._shown.mask(sight.image, sight.index, found, sight.entry.card.output.labels)
            self._shown.only(BEFORE, MASK)
        else:
            self._shown.take_away(BEFORE, MASK)

    def _clickable(self) -> Image | None:
        """What clicks are on; None while a picture hides it."""
        return None if self._shown.layer(PICTURE) is not None else self._inquiry.image.layer()

    def _on_field(self, sight: Sight, found: ReceptiveField) -> None:
        self._shown.field(sight.image, sight.index, found)
        self._shown.only(FIELD, BOX)
        self._page.say_field(found)

    def _on_following(self, on: bool) -> None:
        self._under_mouse.switch(on)
        if not on:
            self._page.say_nothing()

    def _on_look_wanted(self, operation: str) -> None:
        if operation not in OPERATIONS:
            return
        language, entry = self._inquiry.language(), self._inquiry.model.entry()
        title, named = OPERATIONS[operation].say(language), "" if entry is None else entry.card.name
        if self._page.alteration:
            named = UNALTERED.say(language, {"network": named})
        stage = self._page.network.current if operation in ("convolution", "pooling") else ""
        self._inquiry.ask(
            AskLook(operation, stage, self.pixel),
            lambda _, drawn: self._shown.picture(drawn, title),
            finish=lambda look: picture(look, title, named, language),
        )
