"""The model that is derived by a fine-tune: its card, its replay set, and which cases can judge it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.core_set import k_centre, thumbnails
from napari_unet.core.evidence import Evidence
from napari_unet.core.evidence_metrics import DICE
from napari_unet.core.label_set import LabelSet
from napari_unet.core.leaks import Fingerprint, find_leaks
from napari_unet.models.card import DataSource, ModelCard, ScoreRow, TrainedCase
from napari_unet.models.replay_set import ReplayItem, ReplaySet, Role
from napari_unet.training.cases import Cases
from napari_unet.training.run import score_row
from napari_unet.training.samples import Samples
from napari_unet.training.taught import Taught

MOST = 64  # images of a replay set
THRESHOLD = 0.5
"""Of every child. The parent's was chosen on the parent's images; that of the shipped model (0.55) costs its
children 0.002 of Dice on new images and gains nothing on old ones (docs/fine-tuning.md)."""
_TESTS_EVERY = 3  # of this many patients one is kept for the acceptance test of later models


def fresh_cases(cases: Cases, taught: Taught) -> tuple[int, ...]:
    """Those that have not taught the parent, nor another image of their patient: only these can judge."""
    known = {group for k, group in enumerate(cases.groups) if taught.has(cases.images_of(k))}
    return tuple(k for k, group in enumerate(cases.groups) if group not in known)


def seen_as_derived(parent: ModelCard) -> ModelCard:
    """The parent's card as far as a child's masks depend on it."""
    return parent.with_output(threshold=THRESHOLD)


def unseen(inherited: ReplaySet, taught: Sequence[Fingerprint]) -> ReplaySet:
    """The parent's images for the acceptance test, less those that were learned from, or of their patients.

    Those cannot judge any more. They are found as in `core.leaks`.
    """
    tests = inherited.part("gate")
    seen = [Fingerprint("", item.patient, item.content_hash, item.phash or None) for item in tests.items]
    return tests.subset([k for k, image in enumerate(seen) if not find_leaks(taught, [image])])


def derived_card(
    parent: ModelCard,
    begun: ModelCard,
    name: str,
    cases: Cases,
    report: AcceptanceReport,
    sources: Sequence[DataSource],
    protocol: str,
    settings: dict[str, Any],
) -> ModelCard:
    """The card of a model fitted to `cases`; the same input and rule for masks as its parent.

    begun : the card with which it was trained, with the outputs and the network of the new model.
    sources : of the images that were replayed. protocol : "" for the parent's. settings : with `steps` as
    made, and `stopped`, whether somebody ended a part early.
    """
    patients = len(set(cases.groups))
    named = {source.name for source in parent.data}
    replayed = tuple(source for source in sources if source.name not in named)
    taught = [
        TrainedCase(
            id=pair.id,
            revision=pair.revision,
            patient=pair.patient,
            content_hash=pair.content_hash,
            looks=tuple(f"{image.phash:x}" for image in cases.images_of(k) if image.phash),
        )
        for k, pair in enumerate(cases.pairs)
    ]
    again = {case.id for case in taught}
    return begun.with_output(protocol=protocol or begun.output.protocol).model_copy(
        update={
            "name": name,
            "version": "1",
            "parent": parent.name,
            "data": (*parent.data, *replayed, own_source(cases)),
            "chosen_by": f"the number of steps, {settings['steps']}, was {_set_by(settings)}",
            "scores": tuple(scores_of(report)),
            "limits": (
                *parent.limits,
                f"Fitted to {len(cases.pairs)} cases of {patients} patients of one user; compared with its "
                "parent only on those and on the images that the parent keeps.",
            ),
            "training": settings,
            "created": datetime.now(UTC).date().isoformat(),
            "trained_on": (*(case for case in parent.trained_on if case.id not in again), *taught),
            "gate": report,
        }
    )


def own_source(cases: Cases) -> DataSource:
    """The user's cases as a card names them."""
    today = datetime.now(UTC).date().isoformat()
    return DataSource(name=f"the user's own cases, {today}", split="all", images=len(cases.small))


def derived_replay_set(cases: Cases, known: LabelSet, inherited: ReplaySet | None, seed: int) -> ReplaySet:
    """The parent's replay set, then the cases it was fitted to, or as many as cover them: at most `MOST`.

    known : the labels of their masks.
    A case that is in the parent's already is there once, with its new mask and in its old role. Images of one
    patient have one role.
    """
    roles = _roles(cases, inherited, seed)
    source = own_source(cases)
    small = cases.small
    items = tuple(
        ReplayItem(
            role=roles[k],
            patient=cases.pairs[k].patient,
            content_hash=cases.pairs[k].content_hash,
            phash=cases.fingerprints[sample].phash or 0,
            source=source.name,
        )
        for sample, k in enumerate(small.origins)
    )
    own = ReplaySet.of(small.images, small.labels(known), items, (source,))
    if inherited is None:
        return _covering(own, small, MOST)
    hashes = {item.content_hash for item in items if item.content_hash}
    kept = [k for k, item in enumerate(inherited.items) if item.content_hash not in hashes]
    return inherited.subset(kept).joined(_covering(own, small, MOST - len(kept)))


def _covering(own: ReplaySet, small: Samples, most: int) -> ReplaySet:
    if len(own) <= most:
        return own
    return own.subset(sorted(k_centre(thumbnails(small.middle, small.foreground), most)))


def _roles(cases: Cases, inherited: ReplaySet | None, seed: int) -> list[Role]:
    """For each pair; the same for a group."""
    before = {
        item.content_hash: item.role for item in (inherited.items if inherited else ()) if item.content_hash
    }
    names = sorted(set(cases.groups))
    order = [names[k] for k in np.random.default_rng(seed).permutation(len(names))]
    roles: dict[int, Role] = {
        group: "gate" if rank % _TESTS_EVERY == 1 else "replay" for rank, group in enumerate(order)
    }
    for pair, group in zip(cases.pairs, cases.groups, strict=True):
        roles[group] = before.get(pair.content_hash, roles[group])
    return [roles[group] for group in cases.groups]


def _set_by(settings: dict[str, Any]) -> str:
    return "where the training was stopped" if settings["stopped"] else "set beforehand"


def scores_of(report: AcceptanceReport) -> list[ScoreRow]:
    """The rows of a card: what the new model reached in the acceptance test."""
    return [
        score_row(
            _place(report, one), [case.new for case in one.compared], f"{report.parent}: mean {one.old:.4f}"
        )
        for one in (*report.to_improve, *report.kept)
        if one.metric == DICE.name and one.tested
    ]


def _place(report: AcceptanceReport, one: Evidence) -> str:
    """In the words of a card; the output too where the new model has several."""
    first = one.place == report.places[0]
    place = "held-out cases of the user" if first else f"{one.place} of {report.parent}"
    several = len({other.output for other in report.evidence}) > 1
    return f"{place}, output {one.output}" if several else place
