"""The part of `ReviewProject` for what models say about a case, masks aside: maps, features and scores."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import numpy as np
from sqlalchemy import select

from napari_unet.core.answered import answer_in
from napari_unet.core.errors import UserError
from napari_unet.core.prediction import Prediction
from napari_unet.review import calls, features, maps, rows
from napari_unet.review.features import Features
from napari_unet.review.schema import events, revisions
from napari_unet.review.store_decisions import DecisionStore
from napari_unet.review.trail import note_event
from napari_unet.review.types import Author, AuthorKind


class ModelStore(DecisionStore):
    """Maps, features and scores; see `ReviewProject`."""

    def put_features(self, case: str, numbers: np.ndarray, model: str, version: str) -> None:
        """Store a model's features of the image of a case, replacing earlier ones."""
        with self._database.writing() as connection:
            rows.case_row(connection, case)
            features.store_features(connection, case, numbers, model, version)
            note_event(connection, case, model, "features", version=version)

    def features(self) -> dict[str, Features]:
        """Return the features of the cases' images, by case, where there are any."""
        with self._database.reading() as connection:
            return features.all_features(connection)

    def put_map(self, case: str, kept: Prediction) -> None:
        """Store the maps of a `Prediction.kept()`; older ones are removed when the limit is reached.

        The limit in MB is the setting "map_cap_mb". Raises ValueError for maps that are not 8-bit.
        """
        content = maps.encode_map(kept)
        cap = int(float(self.setting("map_cap_mb", maps.DEFAULT_CAP_MB)) * 1e6)
        with self._database.writing() as connection:
            rows.case_row(connection, case)
            maps.store_map(connection, self.folder, case, content, cap)
            note_event(connection, case, kept.model, "map", version=kept.version)

    def map(self, case: str) -> Prediction | None:
        """Return the model's maps of a case.

        Parameters
        ----------
        case : str
            Id of the case.

        Returns
        -------
        Prediction or None
            The maps, of their own shape; None if there are none (any more).
        """
        found = maps.read_map(self.folder / maps.MAPS / f"{case}.npz")
        if found is not None:
            with suppress(UserError):  # which one goes first is not worth an error
                self._touch_map(case)
        return found

    def put_scores(
        self, case: str, scores: Mapping[str, float], model: str, version: str, output: str
    ) -> None:
        """Store a model's score (0 to 1) for each finding, as calls. Only the report's table shows scores.

        The audit trail records that there are scores, but not their values: nobody may see a score before
        their own call.
        """
        author = Author(AuthorKind.MODEL, model, version)
        with self._database.writing() as connection:
            rows.case_row(connection, case)
            stated = calls.put_scores(connection, case, scores, author, output)
            if stated:
                note_event(connection, case, model, "scored", version=version, output=output)

    def answer_of(self, model: str) -> str | None:
        """Return which of its answers a model's last mask in this project is by.

        Parameters
        ----------
        model : str
            Name of the model.

        Returns
        -------
        str or None
            Id of the answer; None if the model has drawn nothing here, or has only one answer.
        """
        drawn = (
            select(revisions.c.author_version)
            .join(events, events.c.details["revision"].as_string() == revisions.c.id)
            .where(events.c.kind == "mask", revisions.c.author_name == model)
            .where(revisions.c.author_kind == AuthorKind.MODEL.value)
            .order_by(events.c.number.desc())
            .limit(1)
        )
        with self._database.reading() as connection:
            version = connection.execute(drawn).scalar_one_or_none()
        return None if version is None else answer_in(version)

    def _touch_map(self, case: str) -> None:
        with self._database.reading() as connection:
            newest = maps.is_newest(connection, case)
        if not newest:
            with self._database.writing() as connection:
                maps.touch(connection, case)
