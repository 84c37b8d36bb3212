"""The part of `ReviewProject` for masks and their labels."""

from __future__ import annotations

import numpy as np
from sqlalchemy import Connection, select

from napari_unet.core.errors import UserError
from napari_unet.core.label_set import LabelSet
from napari_unet.core.wording import size_in_words
from napari_unet.review import revisions, rows, schema, untouched
from napari_unet.review.faults import faults_explained
from napari_unet.review.labels import admit, labels_of
from napari_unet.review.leases import CaseTaken
from napari_unet.review.mask_checks import mask_checks
from napari_unet.review.record import Revision
from napari_unet.review.revisions import Comparison
from napari_unet.review.store_readings import ReadingStore
from napari_unet.review.trail import now
from napari_unet.review.types import Author, AuthorKind

HEAD = "<head>"
"""As `parent` of a new mask: the one that is current now."""


class MaskStore(ReadingStore):
    """Masks and labels; see `ReviewProject`."""

    _labels: LabelSet

    @property
    def labels(self) -> LabelSet:
        """What the numbers in the project's masks mean, when they were last looked up."""
        return self._labels

    def label_set_of(self, revision: str | None) -> LabelSet:
        """Return what the numbers in one mask mean: of lungs, whether they tell right from left.

        `labels` where there is no mask, and where nothing more is known of it; see also `LabelSet.of_mask`.
        """
        return self._labels.with_sides(revision is not None and self.revision(revision).sides)

    def admit(self, labels: LabelSet, by: str) -> bool:
        """Adopt `labels` for the project if its labels are still free. Call this before you add masks.

        Returns True if they are the project's own from now on. They can be that only if the project has no
        mask yet and nobody has chosen its labels. Raises OtherLabels, with both sets in words, if masks with
        `labels` would mean something else in this project.
        """
        if self._look_up_labels().takes(labels):
            return False
        with self._database.writing() as connection:
            changed = admit(connection, labels, by)
            self._labels = labels_of(connection)
        return changed

    def add_revision(
        self,
        case: str,
        labels: np.ndarray,
        author: Author,
        note: str = "",
        parent: str | None = HEAD,
        pixels: np.ndarray | None = None,
        sides: bool | None = None,
    ) -> Revision:
        """Store a mask as the current one of a case: first the file, then its record.

        A mask equal to the current one is not stored again. If a person painted the mask and another window
        has the case by now, the mask is kept beside the current one.

        Parameters
        ----------
        case : str
            Id of the case.
        labels : ndarray of uint8 or bool of shape (Y, X) or (Z, Y, X)
            Of the image's shape: 0 is background, 255 ignored, the rest as in `ReviewProject.labels`.
        author : Author
            Who made the mask: a person, a model or a file.
        note : str
            Where the mask comes from, in words.
        parent : str, optional
            Id of the mask that it was made from, which it is compared with. By default the current one.
        pixels : ndarray, optional
            Of a CT in HU, where they are at hand: the mask is looked through for air then.
        sides : bool, optional
            Whether its labels tell right from left, see `Revision`. By default those of the mask that it was
            made from, if a person made it.

        Returns
        -------
        Revision
            The record of the mask.

        Raises
        ------
        UserError
            If the shape is not that of the image.
        ValueError
            If `labels` is not a mask.
        """
        labels = np.ascontiguousarray(labels).view(np.uint8) if labels.dtype == bool else labels
        if labels.dtype != np.uint8 or labels.ndim not in (2, 3):
            raise ValueError(f"a mask is uint8 (Y, X) or (Z, Y, X), got {labels.dtype} {labels.shape}")
        self._look_up_labels()
        now = self.case(case)
        if now.shape is not None and now.shape != labels.shape:
            raise UserError(
                f"The mask of case {now.number} has the size {size_in_words(labels.shape)}, its image "
                f"{size_in_words(now.shape)}.",
                "Choose the mask that belongs to this image.",
            )
        parent = now.revision if parent == HEAD else parent
        if now.revision is not None and self._is_stored(now.revision, labels):
            return self.revision(now.revision)
        if sides is None:
            made_from = parent if author.kind == AuthorKind.PERSON else None
            sides = self.label_set_of(made_from).tells_sides
        compared = self._compare(labels, parent, now.spacing_mm)
        encoded = revisions.encode(labels)
        checks = mask_checks(labels, now, self._labels.with_sides(sides), pixels)
        with self._database.writing() as connection:
            aside = author.kind == AuthorKind.PERSON and self._is_lost(connection, case, author.name)
            note = f"{note}; kept aside".removeprefix("; ") if aside else note
            new = revisions.store(
                connection, self.folder, case, encoded, author, note, parent, compared, checks, aside, sides
            )
            return rows.revision_from(rows.one_revision(connection, new))

    def unchecked(self) -> list[tuple[str, str]]:
        """Return (case, current mask) for masks that a person made with a version without these checks."""
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
        """Store the codes of the checks that a mask fails, for its case too if it is the current mask."""
        with self._database.writing() as connection:
            revisions.put_checks(connection, revision, checks)

    def revisions(self, case: str) -> list[Revision]:
        """Return all masks of a case, oldest first.

        Parameters
        ----------
        case : str
            Id of the case.

        Returns
        -------
        list of Revision
            Their records; `read_mask` reads the labels.
        """
        table = schema.revisions
        query = select(table).where(table.c.case == case).order_by(table.c.number)
        with self._database.reading() as connection:
            return [rows.revision_from(row) for row in connection.execute(query)]

    def revision(self, revision: str) -> Revision:
        """Return the record of one mask.

        Parameters
        ----------
        revision : str
            Id of the mask, such as `Case.revision`.

        Returns
        -------
        Revision

        Raises
        ------
        UserError
            If there is no such mask.
        """
        with self._database.reading() as connection:
            return rows.revision_from(rows.one_revision(connection, revision))

    def read_mask(self, revision: str) -> np.ndarray:
        """Read the labels of a mask.

        Parameters
        ----------
        revision : str
            Id of the mask, such as `Case.revision`.

        Returns
        -------
        ndarray of uint8
            Of the image's shape.

        Raises
        ------
        UserError
            If the file is missing, or is not what was written.
        """
        record = self.revision(revision)
        with faults_explained():
            return revisions.read_labels(self.folder / record.file, record.sha256)

    def first_mask(self, case: str) -> Revision | None:
        """Return the first mask by a model or from a file, None if there is none; see `begun_with`."""
        return revisions.begun_with(self.revisions(case))

    def restore(self, revision: str, by: str) -> Revision:
        """Make an earlier mask current again, as a new revision.

        Parameters
        ----------
        revision : str
            Id of the earlier mask.
        by : str
            Who restores it.

        Returns
        -------
        Revision
            The record of the new revision.
        """
        old = self.revision(revision)
        author, note = Author(AuthorKind.PERSON, by), f"restored from {old.number}"
        return self.add_revision(old.case, self.read_mask(revision), author, note, sides=old.sides)

    def untouched(self) -> list[str]:
        """Return the ids of new cases with a model's mask that nobody has painted on or opened, by number."""
        with self._database.reading() as connection:
            return untouched.all_untouched(connection)

    def renew_mask(
        self, case: str, labels: np.ndarray, author: Author, note: str = "", sides: bool = False
    ) -> Revision | None:
        """Replace the mask of an untouched case with one from another model; the old one is its parent.

        `labels` and `sides` as in `add_revision`. Returns None, and changes nothing, if somebody has touched
        the case by the time it would be written. A mask by the same model is not stored again.
        """
        self._look_up_labels()
        old = self.case(case)
        if old.revision is None or (old.shape is not None and old.shape != labels.shape):
            return None
        before = self.revision(old.revision)
        if before.author == author:
            return before
        compared = self._compare(labels, before.id, old.spacing_mm)
        encoded, checks = revisions.encode(labels), mask_checks(labels, old, self._labels.with_sides(sides))
        with self._database.writing() as connection:
            row = rows.case_row(connection, case)
            if row.revision != before.id or not untouched.is_untouched(connection, case):
                return None
            new = revisions.store(
                connection, self.folder, case, encoded, author, note, before.id, compared, checks, sides=sides
            )
            return rows.revision_from(rows.one_revision(connection, new))

    def _look_up_labels(self) -> LabelSet:
        """Look up the labels: another window may have changed them while there was no mask yet."""
        with self._database.reading() as connection:
            self._labels = labels_of(connection)
        return self._labels

    def _is_lost(self, connection: Connection, case: str, by: str) -> bool:
        """Return whether a mask that was painted here must not become the case's current one."""
        try:
            self._session.refuse_lost(rows.case_row(connection, case), by, now())
        except CaseTaken:
            return True
        return False

    def _is_stored(self, revision: str, labels: np.ndarray) -> bool:
        """Return whether the revision has these labels, and its file is what was written."""
        with self._database.reading() as connection:
            row = rows.one_revision(connection, revision)
        if row.labels_hash != revisions.labels_hash(labels):
            return False
        with faults_explained():
            return revisions.is_intact(self.folder / row.file, row.sha256)

    def _compare(
        self, labels: np.ndarray, parent: str | None, spacing_mm: tuple[float, ...] | None
    ) -> Comparison | None:
        """None if there is nothing to compare with: work is kept even if the mask before it is damaged."""
        if parent is None:
            return None
        try:
            before = self.read_mask(parent)
        except UserError:
            return None
        if before.shape != labels.shape:
            return None
        return revisions.compare(labels, before, spacing_mm, self._labels)
