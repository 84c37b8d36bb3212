"""Check results of masks: of those that had none, and with what else a model's first mask brings."""

from __future__ import annotations

from contextlib import suppress

from napari_unet.core.errors import UserError
from napari_unet.core.header_facts import SHORT
from napari_unet.core.prediction import Prediction
from napari_unet.review.mask_checks import mask_checks
from napari_unet.review.store_masks import MaskStore
from napari_unet.review.types import DECIDED, Author, AuthorKind


def follow_masks(project: MaskStore) -> list[str]:
    """Checks the current masks that people made with a version that did not check them; ids of their cases.

    Masks that cannot be read are passed over; `verify` reports them.
    """
    done = []
    for case_id, revision in project.unchecked():
        with suppress(UserError):
            codes = mask_checks(
                project.read_mask(revision), project.case(case_id), project.label_set_of(revision)
            )
            project.put_checks(revision, codes)
            done.append(case_id)
    return done


def store_first_mask(project: MaskStore, case_id: str, first: Prediction, by: str) -> bool:
    """Keeps what a model says about a case: a revision by the model, its map and its check results.

    first : from `inference.first_mask`; of a classification only the scores are kept.
    Returns whether the mask became the case's own. Where a person has
    decided about the case, or has made its mask, or it has a mask from a file, only the map is kept and what
    the model is unsure of. by : who asked.
    Raises OtherLabels, and keeps nothing, if the model's labels are not the project's.
    """
    if first.scores:
        project.put_scores(case_id, first.scores, first.model, first.version, first.output)
    case = project.case(case_id)
    checks = (*first.image_checks, *first.checks)
    if first.drawn is None:
        if case.revision is None:
            project.put_check_results(case_id, checks, None)
        return False
    project.admit(first.label_set, by)
    project.put_map(case_id, first)
    _put_features(project, case_id, first)
    author = Author(AuthorKind.MODEL, first.model, first.version)
    current = project.revision(case.revision) if case.revision else None
    if case.status in DECIDED or (current is not None and current.author.kind != AuthorKind.MODEL):
        said = tuple(code for code in checks if code in SHORT and code not in (case.checks or ()))
        known = (*said, *(case.checks or ())) if said else case.checks
        project.put_check_results(case_id, known, first.boundary_uncertainty)
        return False
    sides = first.label_set.tells_sides
    project.add_revision(case_id, first.drawn, author, note=f"for {by}", sides=sides)
    project.put_check_results(case_id, checks, first.boundary_uncertainty)
    return True


def store_next_mask(project: MaskStore, case_id: str, found: Prediction, by: str) -> bool:
    """Keeps what another model says about a case that has a mask, after a fine-tune.

    Returns whether its mask became the case's own: where nobody has touched the case. Of all others only the
    features are kept, by which cases are compared; their mask, map and check results stay. A case that has no
    mask after all gets its first one. by : who asked.
    """
    if project.case(case_id).revision is None:
        return store_first_mask(project, case_id, found, by)
    if found.scores:
        project.put_scores(case_id, found.scores, found.model, found.version, found.output)
    if found.drawn is not None:
        project.admit(found.label_set, by)
    _put_features(project, case_id, found)
    if found.drawn is None:
        return False
    author, sides = Author(AuthorKind.MODEL, found.model, found.version), found.label_set.tells_sides
    if project.renew_mask(case_id, found.drawn, author, f"for {by}", sides) is None:
        return False
    project.put_map(case_id, found)
    project.put_check_results(case_id, (*found.image_checks, *found.checks), found.boundary_uncertainty)
    return True


def _put_features(project: MaskStore, case_id: str, found: Prediction) -> None:
    if found.features is not None:
        project.put_features(case_id, found.features, found.model, found.version)
