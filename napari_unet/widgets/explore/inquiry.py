"""What is looked at in the dock Inside the network, the questions about it, and what is said meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from napari_unet.core.errors import UserError
from napari_unet.core.events import Note
from napari_unet.core.inside import Question
from napari_unet.tour.words import Language
from napari_unet.widgets.common.forms import WrappedLabel
from napari_unet.widgets.common.layer_picker import LayerPicker
from napari_unet.widgets.common.layers import slice_in_view
from napari_unet.widgets.explore.asking import Asker, Sight
from napari_unet.widgets.explore.network_box import NetworkBox
from napari_unet.widgets.explore.placed import Shown

LOOKING = "Looking…"


@dataclass(frozen=True)
class Inquiry:
    """Shared by the pages of the dock.

    image, model : what the user chose. shown : what lies over the image. language : of words and pictures.
    status, message : where the dock says what it does, and what went wrong.
    """

    viewer: Any
    image: LayerPicker
    model: NetworkBox
    asker: Asker
    shown: Shown
    language: Callable[[], Language]
    status: WrappedLabel
    message: WrappedLabel

    def sight(self) -> Sight | None:
        """The image or slice in view and the network; None, with a reason, where there is none."""
        layer, entry = self.image.layer(), self.model.entry()
        if layer is None or entry is None:
            self.say("Open an image first." if layer is None else "There is no model to look into.")
            return None
        try:
            if layer.ndim > 3:
                raise UserError("This image has more than three axes.", "Open one slice or one series.")
            index = slice_in_view(self.viewer, layer) if layer.ndim == 3 else ()
        except UserError as error:
            self.asker.failed.emit(error)
            return None
        return Sight.of(layer, index, entry)

    def ask(self, question: Question, answered: Callable[[Sight, Any], None], **options: Any) -> None:
        """Ask the network about what is in view; nothing where there is nothing."""
        sight = self.sight()
        if sight is None:
            return
        self.say(LOOKING)
        self.asker.ask(
            "inside",
            lambda: {"question": question, **sight.arguments()},
            partial(self.if_there, sight, answered),
            self._on_event,
            **options,
        )

    def if_there(self, sight: Sight, answered: Callable[[Sight, Any], None], answer: Any) -> None:
        """Show an answer if its image is still what it was."""
        self.say("")
        if not sight.still_there(self.viewer.layers):
            self.say("The image was closed or replaced in the meantime.")
            return
        answered(sight, answer)

    def say(self, text: str) -> None:
        """In the dock's status line, in place of what went wrong before."""
        self.message.say("")
        self.status.say(text)

    def _on_event(self, event: object) -> None:
        if isinstance(event, Note):
            self.message.warn(event.text)
