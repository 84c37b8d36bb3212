"""The network on the open image: its blocks, their maps, and what is cut and silenced."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from math import isnan

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_unet.core.inside import Alteration, AlteredMask, Anatomy, FeatureMaps, ReceptiveField
from napari_unet.core.network_facts import stage_words
from napari_unet.tour.captions import OPERATIONS
from napari_unet.tour.words import Language
from napari_unet.widgets.common.forms import WrappedLabel
from napari_unet.widgets.explore.drawn_u import DrawnU

_HINT = (
    "Choose a block for its maps{arrows}. Arrow keys go from block to block, Space chooses, Delete silences."
)
_ARROWS = ", an arrow (→) to cut that skip connection"
_UNALTERED = "Of the unaltered network: "
_SILENCE_MAP = "Silence this map"
_HOW = (
    "How much a map matters: |sum of activation × gradient| over the map, of the logits in the mask. To "
    "first order this is what would change if the map were silenced (Molchanov et al. 2017)."
)


class NetworkPage(QWidget):
    """Buttons and words; whoever made it asks and answers.

    maps_wanted : of a stage. altered : the alteration to show. look_wanted : an operation. clicking : whether
    clicks on the image ask for receptive fields. following : whether the mouse over it asks for numbers.
    """

    maps_wanted = Signal(str)
    altered = Signal(object)
    look_wanted = Signal(str)
    clicking = Signal(bool)
    following = Signal(bool)
    silence_map_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._anatomy: Anatomy | None = None
        self._alteration = Alteration()
        self._told, self._of_unaltered = "", False
        self.network = DrawnU()
        self.network.chosen.connect(self._on_chosen)
        self.network.silence.connect(self._toggle_stage)
        self.network.cut.connect(self._toggle_skip)
        self.silence = QPushButton("Silence block")
        self.silence.clicked.connect(lambda: self._toggle_stage(self.network.current))
        self.silence_map = QPushButton(_SILENCE_MAP)
        self.silence_map.clicked.connect(lambda: self.silence_map_wanted.emit())
        self.padding = QCheckBox("Padding with zeros")
        self.padding.clicked.connect(self._on_padding)
        self.put_back = QPushButton("Put it back (Alt+0)")
        self.put_back.clicked.connect(self.restore)
        self.click = QPushButton("Receptive field: click")
        self.click.setToolTip("Click on the image: what the answer at that pixel depends on")
        self.follow = QPushButton("Numbers: mouse over")
        self.follow.setToolTip(
            "Move the mouse over the image: what the first convolution of the chosen block computes there"
        )
        for button, signal in ((self.click, self.clicking), (self.follow, self.following)):
            button.setCheckable(True)
            button.toggled.connect(signal)
        self.operation = QComboBox()
        self.operation.setAccessibleName("Operation")
        self.look = QPushButton("Show what it does")
        self.look.clicked.connect(lambda: self.look_wanted.emit(str(self.operation.currentData())))
        self.size = WrappedLabel(name="network_size")
        self.difference = WrappedLabel(name="difference")
        self.about = WrappedLabel("", name="about_block")
        buttons = QGridLayout()
        for number, button in enumerate((self.silence, self.silence_map, self.padding, self.put_back)):
            buttons.addWidget(button, *divmod(number, 2))
        looks = QHBoxLayout()
        looks.addWidget(self.operation, stretch=1)
        looks.addWidget(self.look)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 6, 0, 0)
        for part in (self.size, self.network, self.about):
            column.addWidget(part)
        column.addLayout(buttons)
        column.addWidget(self.difference)
        under = QHBoxLayout()
        under.addWidget(self.click)
        under.addWidget(self.follow)
        column.addLayout(under)
        column.addLayout(looks)
        column.addStretch()
        self.show_network(None)

    @property
    def alteration(self) -> Alteration:
        """What is cut and silenced now."""
        return self._alteration

    def show_network(self, anatomy: Anatomy | None) -> None:
        """Another network: nothing of it is altered."""
        self._anatomy, self._alteration = anatomy, Alteration()
        self.network.show_network(anatomy)
        self.say_nothing()
        self.difference.say("")
        if anatomy is None:
            self.size.say("")
        else:
            drawn = anatomy.drawing
            size = " × ".join(map(str, reversed(drawn.input_size)))
            self.size.say_plain(
                f"{size} pixels, {len(drawn.stages)} blocks, {drawn.parameters:,} parameters. "
                "In each block: maps · width."
            )
        self.show_language(Language.ENGLISH)
        self._show_state()

    def show_language(self, language: Language) -> None:
        """Offer the operations that this network has, in a language."""
        before = self.operation.currentData()
        self.operation.clear()
        for name in operations_of(self._anatomy):
            self.operation.addItem(OPERATIONS[name].say(language), name)
        row = self.operation.findData(before)
        self.operation.setCurrentIndex(max(row, 0) if self.operation.count() else -1)

    def say_nothing(self) -> None:
        """Nothing lies over the image: what can be done."""
        has_arrows = self._anatomy is not None and bool(self._anatomy.skips)
        hint = _HINT.format(arrows=_ARROWS if has_arrows else "")
        self._tell_about(escape(hint) if self._anatomy is not None else "")
        self.silence_map.setText(_SILENCE_MAP)

    def say_maps(self, found: FeatureMaps) -> None:
        """What the stack in front shows."""
        best, shown = ", ".join(str(number + 1) for number in found.order[:3]), len(found.maps)
        which = "of the altered network" if found.alteration else ""
        if self._alteration.padding is not None:
            which = f"{which} with the network's own padding".strip()
        named = stage_words(found.stage)
        stage = f"{named}, {which}" if which else named
        if shown == 1:
            said = f"{stage}: its only map."
        else:
            of = f"{shown} maps of {found.count}" if shown < found.count else f"{shown} maps"
            said = (
                f"{stage}: {of}, by how much they matter for the mask: {best}, … The slider below the image "
                "goes from one to the next."
            )
        self._tell_about(escape(said), _HOW)
        self._show_state()

    def say_map(self, number: int) -> None:
        """Which map of the stage is in front, counted from 0."""
        self.silence_map.setText(f"Silence map {number + 1}")

    def say_field(self, found: ReceptiveField) -> None:
        """What a click has shown."""
        field = f"{found.side} × {found.side} pixels of the network's input"
        most = "the whole image" if found.side is None else field
        said = (
            f"The answer at this pixel can depend on {most}: the frame. Half of what it does depend on, "
            f"measured by the gradient, lies within {found.half} × {found.half} pixels around it, "
            f"95 % within {found.most} × {found.most}."
        )
        self._tell_about(escape(said), of_unaltered=True)

    def say_numbers(self, html: str) -> None:
        """What is under the mouse."""
        self._tell_about(html, of_unaltered=True)

    def say_mask(self, found: AlteredMask) -> None:
        """How far the mask has moved."""
        if not found.alteration:
            self.difference.say("Nothing is altered: the network's own mask is back.")
            return
        if found.scores:
            told = ", ".join(f"{name} {100 * score:.0f} %" for name, score in found.scores.items())
            self.difference.say_plain(f"The network now answers: {told}.")
            return
        distance = "–" if isnan(found.distance) else f"{found.distance:.1f} {found.unit}"
        self.difference.say(
            f"To the mask before: Dice <b>{found.dice:.3f}</b>, mean boundary distance <b>{distance}</b>."
        )

    def silence_one(self, stage: str, number: int) -> None:
        """Silence a map, or let it speak again."""
        self._alter(silenced_maps=self._alteration.silenced_maps ^ {(stage, number)})

    def restore(self) -> None:
        """The network as it is."""
        if self._anatomy is not None:
            self._alteration = Alteration()
            self._tell()

    def reset(self) -> None:
        """Another image: nothing is altered, and nothing is known."""
        self._alteration = Alteration()
        self.say_nothing()
        self.difference.say("")
        self._show_state()

    def _on_chosen(self, name: str) -> None:
        self._show_state()
        self.maps_wanted.emit(name)

    def _toggle_stage(self, name: str) -> None:
        if name:
            self._alter(silenced=self._alteration.silenced ^ {name})

    def _toggle_skip(self, level: int) -> None:
        self._alter(cut=self._alteration.cut ^ {level})

    def _on_padding(self, on: bool) -> None:
        own = None if self._anatomy is None else self._anatomy.padded
        self._alter(padding=None if on == own else on)

    def _alter(self, **changes: object) -> None:
        self._alteration = replace(self._alteration, **changes)  # type: ignore[arg-type]
        self._tell()

    def _tell_about(self, html: str, tip: str = "", *, of_unaltered: bool = False) -> None:
        """Say what is looked at. of_unaltered : it is of the network as it is, whatever is cut."""
        self._told, self._of_unaltered = html, of_unaltered
        self.about.setToolTip(tip)
        self._show_about()

    def _show_about(self) -> None:
        unaltered = _UNALTERED if self._of_unaltered and self._alteration else ""
        self.about.say(f"<span>{unaltered}</span>{self._told}" if self._told else "")

    def _tell(self) -> None:
        self._show_state()
        self.altered.emit(self._alteration)

    def _show_state(self) -> None:
        anatomy, altered = self._anatomy, self._alteration
        self.network.show_altered(altered)
        self._show_about()
        chosen = self.network.current
        for part in (self.put_back, self.click, self.follow, self.look, self.operation):
            part.setEnabled(anatomy is not None)
        self.silence.setEnabled(bool(chosen))
        self.silence_map.setEnabled(bool(chosen))
        self.silence.setText("Restore block" if chosen in altered.silenced else "Silence block")
        own = None if anatomy is None else anatomy.padded
        self.padding.setEnabled(own is not None)
        self.padding.setChecked(bool(own) if altered.padding is None else altered.padding)


def operations_of(anatomy: Anatomy | None) -> tuple[str, ...]:
    """The operations that a network has, in the order of the lecture."""
    if anatomy is None:
        return ()
    has = {
        "padding": anatomy.padded is not None,
        "pooling": True,
        "convolution": True,
        "deconvolution": "transposed" in anatomy.up,
        "skip": bool(anatomy.skips),
        "residual": bool(anatomy.residual),
        "latent": any(name.endswith("bottleneck") for name in anatomy.stages),
        "streams": "alexnet" in anatomy.kinds,
    }
    return tuple(name for name in OPERATIONS if has[name])
