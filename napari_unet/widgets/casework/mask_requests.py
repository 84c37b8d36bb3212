"""Which cases a model looks at: those without a mask, those that nobody has touched, the open one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_unet.core.answered import answer_in
from napari_unet.core.auto import AUTO
from napari_unet.core.image_kind import kind_of_modality
from napari_unet.review.record import CallKind
from napari_unet.review.types import USABLE, Author, AuthorKind, Case
from napari_unet.widgets.casework.case_list import CaseList
from napari_unet.widgets.casework.connection import ProjectConnection
from napari_unet.widgets.casework.first_masks import FirstMasks
from napari_unet.widgets.casework.opener import CaseOpener
from napari_unet.widgets.casework.presenter import CasePresenter
from napari_unet.widgets.common.preferences import chosen_library
from napari_unet.widgets.napari_compat.history import undo_steps

if TYPE_CHECKING:
    from napari_unet.review.store import ReviewProject


class MaskRequests(QObject):
    """Asks for masks and maps by a model, and shows the first mask of the open case when it is stored.

    `first_masks` makes them, tells how far it is, and can be stopped. reported : a sentence.
    """

    reported = Signal(str)

    def __init__(
        self,
        connection: ProjectConnection,
        case_list: CaseList,
        presenter: CasePresenter,
        opener: CaseOpener,
        first_masks: FirstMasks,
        model_for: Callable[[str], str],
        parent: QObject,
    ) -> None:
        """model_for : the name of the model in use for a kind of image; "" if there is none."""
        super().__init__(parent)
        self._connection = connection
        self._case_list = case_list
        self._presenter = presenter
        self._opener = opener
        self._model_for = model_for
        self.first_masks = first_masks
        self.first_masks.stored.connect(self._on_first_mask)
        self.first_masks.ended.connect(self._case_list.sort)

    def make_first_masks(self, model: str, ids: Sequence[str] | None = None) -> None:
        """First masks by `model` in the background; None: for all cases without a mask.

        "auto" is the model in use for the kind of each image. Of a model with several answers the one that
        drew here last, so that all masks follow one protocol; if none did, its own choice.
        """
        if ids is None:
            ids = [id for id in self._case_list.queue if self._case_list.cases[id].revision is None]
        model_for = cache(self._model_for)  # it reads all cards, and there may be thousands of cases

        def named(id: str) -> str:
            """The model that "auto" means for a case; still "auto" for one that has not been read."""
            case = self._case_list.cases.get(id)
            if model != AUTO or case is None or case.shape is None:
                return model
            return model_for(kind_of_modality(case.modality)) or AUTO  # whose use says that there is none

        wanted: dict[str, list[str]] = {}
        for id in ids:
            wanted.setdefault(named(id), []).append(id)
        for name, cases in wanted.items():
            self._ask_as_before(name, cases)

    def predict_again(self, model: str) -> None:
        """After a fine-tune: masks by `model` for the cases that nobody has touched, in the background.

        Masks that people made or decided about stay as they are, and so do cases of another kind of image. At
        the end the queue is sorted again.
        `first_masks` reports progress and can be stopped.
        """
        kind, cases = chosen_library().kind_of(model), self._case_list.cases

        def of_kind(ids: list[str]) -> list[str]:
            return [id for id in ids if kind_of_modality(cases[id].modality) == kind]

        usable = of_kind([id for id in self._case_list.queue if cases[id].status in USABLE])
        self.first_masks.change_model(model, set(of_kind(list(cases))))

        def ask(untouched: list[str]) -> None:
            self.first_masks.ask(of_kind(untouched), model, again=True)
            self.first_masks.ask(usable, model, again=True)  # their masks stay: only to compare others with

        self._connection.write(
            lambda project: project.untouched(), ask
        )  # behind the masks that are being stored

    def ask_for_map(self, id: str) -> None:
        """Make a model's map of a case that is not kept any more, with the model that was used last.

        Where no model has seen the case, with the one in use for its kind of image; where one has only scored
        it, none is made.
        """

        def ask(found: tuple[Author | None, bool]) -> None:
            author, is_scored = found
            if author is None and is_scored:
                self.reported.emit("The model of this case scores findings, and draws nothing.")
                return
            self.reported.emit("The model is looking at this case…")
            if author is None:
                self.first_masks.ask([id], AUTO)
            else:
                self.first_masks.ask([id], author.name, answer=answer_in(author.version))

        def used(project: ReviewProject) -> tuple[Author | None, bool]:
            made = [revision.author for revision in reversed(project.revisions(id))]
            drew = next((author for author in made if author.kind == AuthorKind.MODEL), None)
            return drew, any(call.kind == CallKind.FINDING for call in project.calls(id))

        self._connection.read(used).succeeded.connect(ask)

    def show(self, case: Case) -> None:
        """Show a first mask at once if its case is open and had none."""
        layers = self._presenter.layers
        if layers is None or layers.id != case.id or layers.head is not None or case.revision is None:
            return
        untouched = not undo_steps(layers.mask)
        layers.head = case.revision
        if untouched:
            self._opener.restore(layers, case.revision)

    def _ask_as_before(self, model: str, ids: list[str]) -> None:
        def ask(answer: str | None) -> None:
            if answer is not None:
                self.reported.emit(f"First masks by the answer {answer} of {model}, as before.")
            self.first_masks.ask(ids, model, answer=answer)

        # behind the masks that are being stored
        self._connection.write(lambda project: project.answer_of(model), ask)

    def _on_first_mask(self, id: str) -> None:
        self._opener.forget(id)
        self.show(self._case_list.cases[id])
