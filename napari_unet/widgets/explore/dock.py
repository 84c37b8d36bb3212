"""The dock Inside the network: look into any network on the open image, walk the tour, run the lineage."""

from __future__ import annotations

from typing import Any

from napari.layers import Image
from qtpy.QtCore import QTimer
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
from napari_unet.core.inside import Anatomy
from napari_unet.models.library import ModelEntry
from napari_unet.tour.words import Language
from napari_unet.widgets.common.forms import Fields, WrappedLabel
from napari_unet.widgets.common.layer_picker import LayerPicker
from napari_unet.widgets.common.layers import is_image
from napari_unet.widgets.common.window_keys import WindowKeys
from napari_unet.widgets.dock import Dock
from napari_unet.widgets.explore.asking import Asker
from napari_unet.widgets.explore.inquiry import Inquiry
from napari_unet.widgets.explore.lecture import Lecture
from napari_unet.widgets.explore.lineage_page import LineagePage
from napari_unet.widgets.explore.network_box import NetworkBox
from napari_unet.widgets.explore.network_page import NetworkPage
from napari_unet.widgets.explore.on_image import NetworkOnImage
from napari_unet.widgets.explore.placed import Shown
from napari_unet.widgets.explore.tour_page import TourPage
from napari_unet.widgets.napari_compat.window import window_of

KEYS = {"Alt+Right": "next", "Alt+Left": "back", "Alt+0": "put_back", "Alt+E": "leave"}
"""While the dock is open: key and what it does."""

_NETWORK, _TOUR, _LINEAGE = range(3)
_BAR = 6  # pixels
_SLOW_MS = 1000  # until the bar comes: its movement takes a processor from the engine where there is no GPU


class ExploreWidget(Dock):
    """Plugins ▸ U-Net Lung ▸ Inside the network."""

    TITLE = "Inside the network"

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self._keys: WindowKeys | None = None
        self._build()
        self.inquiry = Inquiry(
            self._viewer,
            self.image,
            self.model,
            Asker(self._session, self),
            Shown(self._viewer),
            lambda: Language(self.language.currentData()),
            self.status,
            self.message,
        )
        self._asker, self._shown = self.inquiry.asker, self.inquiry.shown
        self._anatomy = Asker(self._session, self)  # of its own: no other question gives it up
        self.on_image = NetworkOnImage(
            self.inquiry, self._session, self.network, lambda: self.tour.stop is not None
        )
        self.lecture = Lecture(self.inquiry, self.tour, self.lineage)
        self.image.chosen.connect(self._on_image)
        self.model.chosen.connect(self._on_network)
        self.language.currentIndexChanged.connect(self._on_language)
        self.cancel.clicked.connect(self._asker.cancel)
        self.back.clicked.connect(self._on_back)
        self._asker.busy_changed.connect(self._show_state)
        self._asker.failed.connect(self._on_failed)
        self._asker.cancelled.connect(lambda: self.inquiry.say("Cancelled."))
        self._anatomy.busy_changed.connect(self._show_state)
        self._anatomy.failed.connect(self._say_failure)
        self._show_state()
        self._on_network(self.model.entry())

    def _build(self) -> None:
        self.image = LayerPicker(self._viewer, is_image, "Open an image first")
        self.model = NetworkBox(self._session)
        self.language = QComboBox()
        self.language.setAccessibleName("Language")
        for language in Language:
            self.language.addItem(language.named, language)
        self.network = NetworkPage()
        self.tour = TourPage()
        self.lineage = LineagePage()
        self.pages = QTabWidget()
        for page, name in ((self.network, "Network"), (self.tour, "Tour"), (self.lineage, "Lineage")):
            self.pages.addTab(page, name)
        self.cancel = QPushButton("Cancel")
        self.back = QPushButton("Back to the image (Alt+E)")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(_BAR)
        self.bar.setRange(0, 0)
        room = self.bar.sizePolicy()
        room.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(room)
        self.bar.hide()
        self._slow = QTimer(self)
        self._slow.setSingleShot(True)
        self._slow.timeout.connect(self.bar.show)
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

    @property
    def is_busy(self) -> bool:
        """Whether a question to the engine is open."""
        return self._asker.is_busy or self._anatomy.is_busy

    def close_down(self) -> None:
        """Release the viewer."""
        self._asker.give_up()
        self._anatomy.give_up()
        self.on_image.close_down()
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

    def _on_image(self, layer: Image | None) -> None:
        self._forget()
        self._show_state()

    def _on_network(self, entry: ModelEntry | None) -> None:
        """Another network: what was shown of the one before goes."""
        self._forget()
        self._anatomy.give_up()
        self.network.show_network(None)
        self._show_state()
        if entry is not None:
            self._anatomy.ask("anatomy", lambda: {"model": str(entry.folder)}, self._on_anatomy)

    def _forget(self) -> None:
        self._asker.give_up()
        self._shown.end_picture()
        self._shown.take_away()
        self.on_image.forget()
        self.lineage.clear()
        self.inquiry.say("")

    def _on_anatomy(self, anatomy: Anatomy) -> None:
        self.network.show_network(anatomy)
        self.network.show_language(self.inquiry.language())
        self._show_state()

    # -- keys, words --

    def _on_key(self, name: str) -> None:
        if name in ("next", "back"):
            self.pages.setCurrentIndex(_TOUR)
            self.tour.step(1 if name == "next" else -1)
        elif name == "put_back":
            self._on_put_back()
        else:
            self._on_back()

    def _on_put_back(self) -> None:
        """The network as it is; at a stop of the tour, whose picture stays, only if something is altered."""
        if self.network.alteration or self.tour.stop is None:
            self.network.restore()

    def _on_back(self) -> None:
        """Back to the image: the tour is left, and all that lies over the image goes."""
        self._asker.give_up()
        self.tour.leave()
        self._shown.end_picture()
        self._shown.take_away()
        self.on_image.put_down()
        self.inquiry.say("")

    def _on_language(self) -> None:
        self.network.show_language(self.inquiry.language())
        self.tour.show_language(self.inquiry.language())
        if self.tour.stop is not None:
            self.lecture.go_to(self.tour.stop)

    def _show_state(self, *_: object) -> None:
        self.cancel.setEnabled(self._asker.is_busy)
        if not self.is_busy:
            self._slow.stop()
            self.bar.hide()
        elif not self._slow.isActive():
            self._slow.start(_SLOW_MS)
        ready = self.image.layer() is not None
        for button in (self.lineage.run, self.lineage.window_run, self.tour.begin):
            button.setEnabled(ready)

    def _on_failed(self, error: UserError) -> None:
        if self.tour.stop is not None:
            self._shown.end_picture()  # it is of the stop before
        self._say_failure(error)

    def _say_failure(self, error: UserError) -> None:
        self.status.say("")
        self.message.warn(str(error))
