"""The dock Inside the network: look into any network on the open image, walk the tour, run the lineage."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from napari.layers import Image
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_unet.core.errors import UserError
from napari_unet.core.events import Note
from napari_unet.core.inside import (
    Alteration,
    AlteredMask,
    Anatomy,
    AskField,
    AskLook,
    AskMaps,
    AskMask,
    FeatureMaps,
    Look,
    NetworkDone,
    Question,
    ReceptiveField,
    WindowsDone,
)
from napari_unet.core.lineage import CIRESAN, UNET_2015
from napari_unet.models.library import ModelEntry
from napari_unet.tour.captions import LINEAGE_TITLE, OPERATIONS
from napari_unet.tour.picture import picture
from napari_unet.tour.stops import Stop
from napari_unet.tour.words import Language
from napari_unet.widgets.common.forms import Fields, WrappedLabel
from napari_unet.widgets.common.layer_picker import LayerPicker
from napari_unet.widgets.common.layers import is_image, slice_in_view
from napari_unet.widgets.common.window_keys import WindowKeys
from napari_unet.widgets.dock import Dock
from napari_unet.widgets.explore.asking import Asker, Sight
from napari_unet.widgets.explore.clicks import Clicks
from napari_unet.widgets.explore.lineage_page import LineagePage, side_by_side
from napari_unet.widgets.explore.network_box import NetworkBox
from napari_unet.widgets.explore.network_page import NetworkPage
from napari_unet.widgets.explore.placed import BEFORE, BESIDE, BOX, FIELD, MAPS, MASK, PICTURE, WINDOWS, Shown
from napari_unet.widgets.explore.tour_page import TourPage
from napari_unet.widgets.explore.under_mouse import UnderMouse, in_numbers
from napari_unet.widgets.napari_compat.window import window_of

KEYS = {"Alt+Right": "next", "Alt+Left": "back", "Alt+0": "put_back", "Alt+E": "leave"}
"""While the dock is open: key and what it does."""

_NETWORK, _TOUR, _LINEAGE = range(3)
_BAR = 6  # pixels
_LOOKING = "Looking…"


class ExploreWidget(Dock):
    """Plugins ▸ U-Net Lung ▸ Inside the network."""

    TITLE = "Inside the network"

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self._shown = Shown(self._viewer)
        self._asker = Asker(self._session, self)
        self._maps: FeatureMaps | None = None
        self._pixel: tuple[int, int] | None = None
        self._keys: WindowKeys | None = None
        self._build()
        self._asker.busy_changed.connect(self._show_state)
        self._asker.failed.connect(self._on_failed)
        self._asker.cancelled.connect(lambda: self._say("Cancelled."))
        self._viewer.dims.events.current_step.connect(self._on_slider)
        self._on_network(self.model.entry())

    def _build(self) -> None:
        self.image = LayerPicker(self._viewer, is_image, "Open an image first")
        self.image.chosen.connect(self._on_image)
        self.model = NetworkBox(self._session)
        self.model.chosen.connect(self._on_network)
        self.language = QComboBox()
        self.language.setAccessibleName("Language")
        for language in Language:
            self.language.addItem(language.named, language)
        self.language.currentIndexChanged.connect(self._on_language)
        self.network = NetworkPage()
        self.network.maps_wanted.connect(self._on_maps_wanted)
        self.network.altered.connect(self._on_altered)
        self.network.look_wanted.connect(self._on_look_wanted)
        self._clicks = Clicks(self._viewer, self._clickable)
        self._clicks.clicked.connect(self._on_clicked)
        self.network.clicking.connect(self._clicks.switch)
        self._under_mouse = UnderMouse(
            self._session, self._clicks, self._sight, lambda: self.network.network.current
        )
        self._under_mouse.found.connect(lambda look: self.network.say_numbers(in_numbers(look)))
        self._under_mouse.failed.connect(self._on_failed)
        self.network.following.connect(self._on_following)
        self.network.silence_map_wanted.connect(self._on_silence_map)
        self.tour = TourPage()
        self.tour.wanted.connect(self._on_stop_wanted)
        self.tour.left.connect(self._end_picture)
        self.lineage = LineagePage()
        self.lineage.run.clicked.connect(self._on_lineage)
        self.lineage.window_run.clicked.connect(self._on_window)
        self.pages = QTabWidget()
        for page, name in ((self.network, "Network"), (self.tour, "Tour"), (self.lineage, "Lineage")):
            self.pages.addTab(page, name)
        self.cancel = QPushButton("Cancel")
        self.cancel.clicked.connect(self._asker.cancel)
        self.back = QPushButton("Back to the image (Alt+E)")
        self.back.clicked.connect(self._on_back)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(_BAR)
        self.bar.setRange(0, 0)
        room = self.bar.sizePolicy()
        room.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(room)
        self.status = WrappedLabel(name="status")
        self.message = WrappedLabel(name="message")
        fields = Fields()
        fields.add("Image", self.image)
        fields.add("Network", self.model)
        fields.add("Language", self.language)
        body = QWidget()
        column = QVBoxLayout(body)
        column.addLayout(fields)
        column.addWidget(self.pages)
        buttons = QHBoxLayout()
        buttons.addWidget(self.cancel, stretch=1)
        buttons.addWidget(self.back, stretch=2)
        column.addLayout(buttons)
        column.addWidget(self.bar)
        column.addWidget(WrappedLabel("For teaching and research; not a medical device.", name="purpose"))
        column.addStretch()
        self.fill(body, self.status, self.message)
        self._show_state()

    def close_down(self) -> None:
        """Release the viewer."""
        self._asker.give_up()
        self._viewer.dims.events.current_step.disconnect(self._on_slider)
        self._clicks.switch(False)
        self._under_mouse.switch(False)
        if self._keys is not None:
            self._keys.switch(False)
        self._shown.end_picture()
        self._shown.take_away()
        self.image.disconnect_layers()

    def on_shown(self, shown: bool) -> None:
        """The keys work while the dock is shown."""
        if self._keys is None:
            self._keys = WindowKeys(window_of(self._viewer), self, frozenset())
            self._keys.set_keys(KEYS)
            self._keys.pressed.connect(self._on_key)
        self._keys.switch(shown)

    # -- what is looked at --

    def _sight(self) -> Sight | None:
        """The image or slice in view and the network; None, with a reason, where there is none."""
        layer, entry = self.image.layer(), self.model.entry()
        if layer is None or entry is None:
            self._say("Open an image first." if layer is None else "There is no model to look into.")
            return None
        try:
            if layer.ndim > 3:
                raise UserError("This image has more than three axes.", "Open one slice or one series.")
            index = slice_in_view(self._viewer, layer) if layer.ndim == 3 else ()
        except UserError as error:
            self._on_failed(error)
            return None
        return Sight.of(layer, index, entry)

    def _ask(self, question: Question, answered: Callable[[Sight, Any], None], **options: Any) -> None:
        sight = self._sight()
        if sight is None:
            return
        self._say(_LOOKING)
        self._asker.ask(
            "inside",
            lambda: {"question": question, **sight.arguments()},
            partial(self._if_there, sight, answered),
            self._on_event,
            **options,
        )

    def _if_there(self, sight: Sight, answered: Callable[[Sight, Any], None], answer: Any) -> None:
        """Show an answer if its image is still what it was."""
        self._say("")
        if not sight.still_there(self._viewer.layers):
            self._say("The image was closed or replaced in the meantime.")
            return
        answered(sight, answer)

    def _on_event(self, event: object) -> None:
        if isinstance(event, Note):
            self.message.warn(event.text)

    def _on_image(self, layer: Image | None) -> None:
        self._forget()
        self._show_state()

    def _on_network(self, entry: ModelEntry | None) -> None:
        """Another network: what was shown of the one before goes."""
        self._forget()
        self.network.show_network(None)
        self._show_state()
        if entry is not None:
            self._asker.ask("anatomy", lambda: {"model": str(entry.folder)}, self._on_anatomy)

    def _forget(self) -> None:
        self._asker.give_up()
        self._maps = self._pixel = None
        self._shown.end_picture()
        self._shown.take_away()
        self.network.reset()
        self.lineage.clear()
        self._say("")

    def _on_anatomy(self, anatomy: Anatomy) -> None:
        self.network.show_network(anatomy)
        self.network.show_language(self._language())
        self._show_state()

    # -- the network on this image --

    def _on_maps(self, sight: Sight, found: FeatureMaps) -> None:
        self._maps = found
        self._end_picture()
        self._shown.maps(sight.image, sight.index, found)
        self._shown.only(MAPS)
        self.network.say_maps(found)
        self._on_slider()

    def _on_maps_wanted(self, stage: str) -> None:
        self._ask(AskMaps(stage, alteration=self.network.alteration), self._on_maps)

    def _on_slider(self, *_: object) -> None:
        """Another map is in front."""
        at, found = self._shown.map_in_view(), self._maps
        if found is not None and at is not None and 0 <= at < len(found.order):
            self.network.say_map(found.order[at])

    def _on_silence_map(self) -> None:
        at, found = self._shown.map_in_view(), self._maps
        if found is None or at is None or not 0 <= at < len(found.order):
            self._say("Choose a block first: its maps come over the image, and the slider chooses one.")
            return
        self.network.silence_one(found.stage, found.order[at])

    def _on_altered(self, alteration: Alteration) -> None:
        self._ask(AskMask(alteration), self._on_mask)

    def _on_mask(self, sight: Sight, found: AlteredMask) -> None:
        self._end_picture()
        self.network.say_mask(found)
        if found.alteration and not found.scores:
            self._shown.mask(sight.image, sight.index, found, sight.entry.card.output.labels)
            self._shown.only(BEFORE, MASK)
        else:
            self._shown.take_away(BEFORE, MASK)

    def _clickable(self) -> Image | None:
        """What clicks are on; None while a picture hides it."""
        return None if self._shown.layer(PICTURE) is not None else self.image.layer()

    def _on_clicked(self, row: int, column: int) -> None:
        self._pixel = (row, column)
        self._ask(AskField((row, column)), self._on_field)

    def _on_field(self, sight: Sight, found: ReceptiveField) -> None:
        self._shown.field(sight.image, sight.index, found)
        self._shown.only(FIELD, BOX)
        self.network.say_field(found)

    def _on_following(self, on: bool) -> None:
        self._under_mouse.switch(on)
        if not on:
            self.network.say_nothing()

    def _on_look_wanted(self, operation: str) -> None:
        if operation in OPERATIONS:
            title, language = OPERATIONS[operation].say(self._language()), self._language()
            stage = self.network.network.current
            question = AskLook(
                operation, stage if operation in ("convolution", "pooling") else "", self._pixel
            )
            entry = self.model.entry()
            named = "" if entry is None else entry.card.name
            self._ask(
                question,
                lambda _, drawn: self._shown.picture(drawn, title),
                finish=lambda look: picture(look, title, named, language),
            )

    # -- tour and lineage --

    def _on_stop_wanted(self, stop: Stop) -> None:
        sight = self._sight()
        if sight is None:
            self.tour.leave()
            return
        language = self._language()
        title = f"{stop.number}. {stop.title.say(language)}"

        def arguments() -> dict[str, Any]:
            return {"stop": stop.name, **sight.image_only(), **_sample_ct(stop)}

        def drawn(look: Look) -> tuple[Look, np.ndarray]:
            return look, picture(look, title, stop.sentence.say(language, look.facts), language)

        self._say(_LOOKING)
        self._asker.ask(
            "tour_stop", arguments, partial(self._if_there, sight, self._on_stop), self._on_count, drawn
        )

    def _on_stop(self, _sight: Sight, answer: tuple[Look, np.ndarray]) -> None:
        look, drawn = answer
        stop = self.tour.stop
        if stop is not None and stop.name == look.name:
            self.tour.say(look)
            self._shown.picture(drawn, f"Stop {stop.number}")

    def _on_count(self, event: object) -> None:
        if isinstance(event, WindowsDone):
            self._say(f"{event.done:,} of {event.total:,} windows…")

    def _on_lineage(self) -> None:
        sight = self._sight()
        if sight is None:
            return
        self.lineage.clear()
        language, given = self._language(), {}

        def arguments() -> dict[str, Any]:
            given.update(sight.image_only())
            return dict(given)

        def drawn(found: tuple[NetworkDone, ...]) -> np.ndarray:
            look = side_by_side(given["raster"], found)
            return picture(look, LINEAGE_TITLE.say(language), sight.image.name, language)

        self._say(_LOOKING)
        shown = partial(self._if_there, sight, lambda _, page: self._shown.picture(page, "Lineage"))
        self._asker.ask("lineage", arguments, shown, self._on_network_done, drawn)

    def _on_network_done(self, event: object) -> None:
        if isinstance(event, NetworkDone):
            self.lineage.add(event)

    def _on_window(self) -> None:
        sight = self._sight()
        if sight is None:
            return
        self._end_picture()
        show = partial(self._on_windows, sight)
        self._say(_LOOKING)
        given = {"model": CIRESAN, "beside": UNET_2015}
        self._asker.ask("windows", lambda: {**given, **sight.image_only()}, show, show)

    def _on_windows(self, sight: Sight, done: object) -> None:
        there = sight.still_there(self._viewer.layers)
        if isinstance(done, NetworkDone):
            self.lineage.say_beside(done)
            if there and done.labels is not None:
                self._shown.beside(sight.image, sight.index, done.labels)
        elif isinstance(done, WindowsDone):
            self._say("")
            self.lineage.count(done)
            if there:
                self._shown.windows(sight.image, sight.index, done)
        self._shown.only(WINDOWS, BESIDE)

    # -- keys, words --

    def _on_key(self, name: str) -> None:
        if name in ("next", "back"):
            self.pages.setCurrentIndex(_TOUR)
            self.tour.step(1 if name == "next" else -1)
        elif name == "put_back":
            self.network.restore()
        else:
            self._on_back()

    def _on_back(self) -> None:
        """Back to the image: the tour is left, and all that lies over the image goes."""
        self._asker.give_up()
        self.tour.leave()
        self.network.click.setChecked(False)
        self.network.follow.setChecked(False)
        self._end_picture()
        self._maps = None
        self._shown.take_away()
        self.network.say_nothing()
        self._say("")

    def _end_picture(self) -> None:
        self._shown.end_picture()

    def _language(self) -> Language:
        return Language(self.language.currentData())

    def _on_language(self) -> None:
        self.network.show_language(self._language())
        self.tour.show_language(self._language())
        if self.tour.stop is not None:
            self._on_stop_wanted(self.tour.stop)

    def _show_state(self, *_: object) -> None:
        busy = self._asker.is_busy
        self.cancel.setEnabled(busy)
        self.bar.setVisible(busy)
        ready = self.image.layer() is not None
        for button in (self.lineage.run, self.lineage.window_run, self.tour.begin):
            button.setEnabled(ready)

    def _say(self, text: str) -> None:
        self.message.say("")
        self.status.say(text)

    def _on_failed(self, error: UserError) -> None:
        if self.tour.stop is not None:
            self._end_picture()  # it is of the stop before
        self.status.say("")
        self.message.warn(str(error))


def _sample_ct(stop: Stop) -> dict[str, Any]:
    """The last stop shows a CT too."""
    if stop.name != "use":
        return {}
    from napari_unet.samples import middle_of_ct

    return {"ct": middle_of_ct()}
