"""The part of `ReviewProject` that deals with masks and probability maps."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, insert, select

from napari_unet.core.errors import UserError
from napari_unet.core.label_set import LabelSet
from napari_unet.core.prediction import Prediction
from napari_unet.review import features, maps, revisions, rows, schema, untouched
from napari_unet.review.faults import faults_explained
from napari_unet.review.features import Features
from napari_unet.review.labels import admit, labels_of
from napari_unet.review.leases import CaseTaken
from napari_unet.review.mask_checks import mask_checks
from napari_unet.review.revisions import Comparison
from napari_unet.review.store_cases import CaseStore
from napari_unet.review.trail import note_event, now
from napari_unet.review.types import Author, AuthorKind, Revision

HEAD = "<head>"
"""As `parent` of a new mask: the one that is current now."""


class MaskStore(CaseStore):
    """Masks, maps and settings; see `ReviewProject`."""

    _labels: LabelSet

    @property
    def labels(self) -> LabelSet:
        """What the numbers in the project's masks mean, when they were last asked for."""
        return self._labels

    def admit(self, labels: LabelSet, by: str) -> bool:
        """To be called before masks of `labels` come in; True if they are the project's own from now on.

        They are that only where there is no mask yet, and nobody has chosen the project's labels. Raises
        OtherLabels, with both in words, if masks of `labels` would mean something else in this project.
        """
        if self._look_up_labels().takes(labels):
            return False
        with self._database.writing() as connection:
            changed = admit(connection, labels, by)
            self._labels = labels_of(connection)
        return changed

    def add_revision(
        self, case: str, labels: np.ndarray, author: Author, note: str = "", parent: str | None = HEAD
    ) -> Revision:
        """Stores a mask as the case's current one: first the file, then its record.

        labels : uint8 or bool, of the image's shape; 0 background, else what `self.labels` says, 255 ignored.
        parent : the mask it was made from; it is compared with that one. It is checked, see core.checks. A
        mask equal to the current one is not stored again: that one is returned. Where a person painted it
        and another window has the case meanwhile, it is kept beside the current one. Raises UserError if the
        shape is not the image's.
        """
        labels = np.ascontiguousarray(labels).view(np.uint8) if labels.dtype == bool else labels
        if labels.dtype != np.uint8 or labels.ndim not in (2, 3):
            raise ValueError(f"a mask is uint8 (Y, X) or (Z, Y, X), got {labels.dtype} {labels.shape}")
        self._look_up_labels()
        now = self.case(case)
        if now.shape is not None and now.shape != labels.shape:
            raise UserError(
                f"The mask of case {now.number} has the size {_size(labels.shape)}, its image "
                f"{_size(now.shape)}.",
                "Choose the mask that belongs to this image.",
            )
        parent = now.revision if parent == HEAD else parent
        if now.revision is not None and self._is_stored(now.revision, labels):
            return self.revision(now.revision)
        compared = self._compare(labels, parent, now.spacing_mm)
        encoded, checks = revisions.encode(labels), mask_checks(labels, now, self._labels)
        with self._database.writing() as connection:
            aside = author.kind == AuthorKind.PERSON and self._is_lost(connection, case, author.name)
            note = f"{note}; kept aside".removeprefix("; ") if aside else note
            new = revisions.store(
                connection, self.folder, case, encoded, author, note, parent, compared, checks, aside
            )
            return rows.revision_from(rows.one_revision(connection, new))

    def unchecked(self) -> list[tuple[str, str]]:
        """(case, its current mask) where a person made the mask with a version that did not check it."""
        cases, masks = schema.cases.c, schema.revisions.c
        query = (
            select(cases.id, masks.id)
            .join(schema.revisions, masks.id == cases.revision)
            .where(masks.checks.is_(None), masks.author_kind == AuthorKind.PERSON.value)
            .order_by(cases.number)
        )
        with self._database.reading() as connection:
            return [(case, revision) for case, revision in connection.execute(query)]

    def put_checks(self, revision: str, checks: tuple[str, ...]) -> None:
        """Keeps the codes of the checks that a mask fails; also as its case's if it is the current one."""
        with self._database.writing() as connection:
            revisions.put_checks(connection, revision, checks)

    def revisions(self, case: str) -> list[Revision]:
        """All masks of a case, the first one first."""
        table = schema.revisions
        query = select(table).where(table.c.case == case).order_by(table.c.number)
        with self._database.reading() as connection:
            return [rows.revision_from(row) for row in connection.execute(query)]

    def revision(self, revision: str) -> Revision:
        """One mask's record. Raises UserError if there is none."""
        with self._database.reading() as connection:
            return rows.revision_from(rows.one_revision(connection, revision))

    def read_mask(self, revision: str) -> np.ndarray:
        """A mask's labels, uint8. Raises UserError if the file is missing or is not what was written."""
        record = self.revision(revision)
        with faults_explained():
            return revisions.read_labels(self.folder / record.file, record.sha256)

    def first_mask(self, case: str) -> Revision | None:
        """The mask by a model or a file that people began with, None if there is none; see `begun_with`."""
        return revisions.begun_with(self.revisions(case))

    def restore(self, revision: str, by: str) -> Revision:
        """Makes an earlier mask current again, as a new revision."""
        old = self.revision(revision)
        author = Author(AuthorKind.PERSON, by)
        return self.add_revision(old.case, self.read_mask(revision), author, f"restored from {old.number}")

    def untouched(self) -> list[str]:
        """Ids of new cases whose mask is a model's and that nobody has painted or opened, by number."""
        with self._database.reading() as connection:
            return untouched.all_untouched(connection)

    def renew_mask(self, case: str, labels: np.ndarray, author: Author, note: str = "") -> Revision | None:
        """Gives a case that nobody has touched the mask of another model; the old one stays as its parent.

        labels : as in `add_revision`. None, and nothing is changed, if somebody has touched the case by the
        time it would be written. A mask by the same model is not stored again.
        """
        self._look_up_labels()
        old = self.case(case)
        if old.revision is None or (old.shape is not None and old.shape != labels.shape):
            return None
        before = self.revision(old.revision)
        if before.author == author:
            return before
        compared = self._compare(labels, before.id, old.spacing_mm)
        encoded, checks = revisions.encode(labels), mask_checks(labels, old, self._labels)
        with self._database.writing() as connection:
            row = rows.case_row(connection, case)
            if row.revision != before.id or not untouched.is_untouched(connection, case):
                return None
            new = revisions.store(
                connection, self.folder, case, encoded, author, note, before.id, compared, checks
            )
            return rows.revision_from(rows.one_revision(connection, new))

    def put_features(self, case: str, numbers: np.ndarray, model: str, version: str) -> None:
        """Keeps what a model's network makes of a case's image, in place of what one made of it before."""
        with self._database.writing() as connection:
            rows.case_row(connection, case)
            features.store_features(connection, case, numbers, model, version)
            note_event(connection, case, model, "features", version=version)

    def features(self) -> dict[str, Features]:
        """What networks made of the cases' images, by case, where one has looked."""
        with self._database.reading() as connection:
            return features.all_features(connection)

    def put_map(self, case: str, kept: Prediction) -> None:
        """Keeps the maps of a `Prediction.kept()`; others go when the cap is reached.

        The cap in MB is the setting "map_cap_mb". Raises ValueError for maps that are not of 8 bits.
        """
        content = maps.encode_map(kept)
        cap = int(float(self.setting("map_cap_mb", maps.DEFAULT_CAP_MB)) * 1e6)
        with self._database.writing() as connection:
            rows.case_row(connection, case)
            maps.store_map(connection, self.folder, case, content, cap)
            note_event(connection, case, kept.model, "map", version=kept.version)

    def map(self, case: str) -> Prediction | None:
        """The maps of a case, of their own shape; None if there are none (any more)."""
        found = maps.read_map(self.folder / maps.MAPS / f"{case}.npz")
        if found is not None:
            with suppress(UserError):  # which one goes first is not worth an error
                self._touch_map(case)
        return found

    def setting(self, name: str, default: Any = None) -> Any:
        """A value that was set in this project, or `default`."""
        query = select(schema.settings.c.value).where(schema.settings.c.name == name)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return default if row is None else row[0]

    def set_setting(self, name: str, value: Any) -> None:
        """Sets a value that JSON can hold."""
        table = schema.settings
        with self._database.writing() as connection:
            connection.execute(delete(table).where(table.c.name == name))
            connection.execute(insert(table).values(name=name, value=value))
            note_event(connection, None, "", "setting", name=name, value=value)

    def _look_up_labels(self) -> LabelSet:
        """Another window may have changed them while there was no mask yet."""
        with self._database.reading() as connection:
            self._labels = labels_of(connection)
        return self._labels

    def _is_lost(self, connection: Connection, case: str, by: str) -> bool:
        """Whether a mask that was painted here must not become the case's current one."""
        try:
            self._session.refuse_lost(rows.case_row(connection, case), by, now())
        except CaseTaken:
            return True
        return False

    def _is_stored(self, revision: str, labels: np.ndarray) -> bool:
        """True if the revision holds these labels, and its file is what was written."""
        with self._database.reading() as connection:
            row = rows.one_revision(connection, revision)
        if row.labels_hash != revisions.labels_hash(labels):
            return False
        with faults_explained():
            return revisions.is_intact(self.folder / row.file, row.sha256)

    def _compare(
        self, labels: np.ndarray, parent: str | None, spacing_mm: tuple[float, ...] | None
    ) -> Comparison | None:
        """None if there is nothing to compare with: work is kept also where the mask before it is damaged."""
        if parent is None:
            return None
        try:
            before = self.read_mask(parent)
        except UserError:
            return None
        if before.shape != labels.shape:
            return None
        return revisions.compare(labels, before, spacing_mm, self._labels)

    def _touch_map(self, case: str) -> None:
        with self._database.reading() as connection:
            newest = maps.is_newest(connection, case)
        if not newest:
            with self._database.writing() as connection:
                maps.touch(connection, case)


def _size(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
