"""From a user's masks to a model of their own in the library, with the proof of what it is worth."""

from __future__ import annotations

import copy
import time
from collections.abc import Generator, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone, Note, PartBegun, Preview, StepsDone
from napari_unet.core.protocol_difference import protocol_difference
from napari_unet.core.steps import STOP, changed
from napari_unet.core.training_pair import TrainingPair
from napari_unet.core.volume_labels import any_label
from napari_unet.inference.device import pick_device
from napari_unet.inference.freed_memory import freed_memory_kept
from napari_unet.inference.predictor import Predictor
from napari_unet.models.checkpoint import save_model
from napari_unet.models.library import ModelLibrary, default_library
from napari_unet.training.acceptance import Measured, gather, measure
from napari_unet.training.adapt import AdaptResult, Watch, adapt
from napari_unet.training.adapt_config import PRESETS, AdaptConfig
from napari_unet.training.beginning import Parent
from napari_unet.training.cases import read_cases
from napari_unet.training.cautions import cautions
from napari_unet.training.compared import ComparedCase
from napari_unet.training.derived import (
    derived_card,
    derived_replay_set,
    fresh_cases,
)
from napari_unet.training.drift import YOURS, BesideParent, beside_parent, looks
from napari_unet.training.estimate import measure_pace
from napari_unet.training.folds import patient_folds
from napari_unet.training.learner import answer_of, mean_dice
from napari_unet.training.machine import check_room, memory_explained, using_threads
from napari_unet.training.naming import check_name, free_name
from napari_unet.training.outcome import FineTuneResult
from napari_unet.training.taught import taught_by

Event = PartBegun | StepsDone | Preview | CaseDone | Note
Steps = Generator[Event, str | None, FineTuneResult]


def fine_tune(
    pairs: Sequence[TrainingPair],
    parent: str = "cxr-lung",
    name: str | None = None,
    *,
    preset: str = "quick",
    config: AdaptConfig | None = None,
    protocol: str = "",
    same_protocol: bool | None = None,
    device: str = "auto",
    threads: int | None = None,
    library: ModelLibrary | None = None,
    untouched: Sequence[TrainingPair] = (),
) -> Steps:
    """Fits a copy of `parent` to `pairs`, proves it, and puts it into the library.

    First trainings on parts of the cases, each scored on the patients it has not seen; then the one on all
    cases, which is kept; then the parent's own images. Yields Notes, PartBegun, each step, Previews of a
    held-out case, and CaseDone for each comparison. Nothing is written before the end, which has no events:
    whoever closes the generator leaves nothing behind, and the parent is never changed.

    pairs : images with masks; those that are unusable are reported and ignored. name : of the new model; None
    for the parent's with the date. config : in place of a preset's. protocol : what belongs to a mask, in
    words, where the user's differs from the parent's. same_protocol : True for masks by the parent's
    protocol, of other images: the child's answer changes. False for another protocol: the child has one
    answer more, and the parent's own stay as they are. None for True, where neither the words nor the masks
    say that the protocols differ. threads : for torch on the processor; None for as many
    as it has. The same pairs, settings, seed, device and threads give the same weights on the CPU.
    untouched : images without a mask by a person, on which both models are looked at in the end.
    Sending STOP ends a training early with the best it has; later ones have no more steps than that.
    Raises UserError for a name that is taken, fewer than two usable cases or patients, protocols that seem
    to differ where nobody said what they are, and whatever else is wrong before the training; later, if
    memory or disk run out or the loss is not a number from the start.
    """
    if config is None:
        config = _preset(preset)
    elif config != replace(PRESETS.get(preset, AdaptConfig()), seed=config.seed):
        preset = "custom"
    library = library or default_library()
    with using_threads(threads) as used, freed_memory_kept(), memory_explained():
        settings = {"preset": preset, "device": str(pick_device(device)), "threads": used}
        made = _FineTune(pairs, library, parent, name, config, protocol, same_protocol, settings, untouched)
        return (yield from made.steps())


class _FineTune:
    """One fine-tune. What can be refused is refused when it is made."""

    def __init__(
        self,
        pairs: Sequence[TrainingPair],
        library: ModelLibrary,
        parent: str,
        name: str | None,
        config: AdaptConfig,
        protocol: str,
        same_protocol: bool | None,
        settings: dict[str, Any],
        untouched: Sequence[TrainingPair],
    ) -> None:
        self._begun = time.perf_counter()
        self._library, self._name = library, name
        self._protocol = protocol.strip()
        self._entry = library.find(parent)
        if name is not None:
            check_name(library, name)
        check_room(library.own)
        device = self._device = str(settings["device"])
        found = Parent(self._entry, device)
        self._cases, told = read_cases(pairs, found.card)
        self._notes = (*filter(None, [found.card.warning]), *told)
        self._start = found.begin(self._cases, self._protocol, same_protocol)
        same = self._start.same_protocol
        self._config = config if same else config.for_further_answer()
        self._settings = settings | {"same_protocol": same}
        self._parents_cases = taught_by(found.card, self._start.replay_set)
        self._fresh = fresh_cases(self._cases, self._parents_cases)
        groups = [self._cases.groups[k] for k in self._fresh]
        self._folds = [
            tuple(self._fresh[k] for k in fold) for fold in patient_folds(groups, config.folds, config.seed)
        ]
        self._parts: list[tuple[int, ...]] = [*self._folds, ()]
        self._stopping = self._stopped = False
        self._compared = 0
        self._drawn: dict[str, ComparedCase] = {}  # of cases held out
        self._own = untouched
        self._glances = looks(found.card, len(self._start.judges or ()), len(untouched))
        self._to_compare = len(self._fresh) + len(self._start.judges or ()) + self._glances

    def steps(self) -> Steps:
        """The whole way; see `fine_tune`."""
        start = self._start
        told = cautions(start, self._fresh, self._parents_cases, self._protocol)
        for text in (*self._notes, *told):
            yield from self._say(Note(text))
        read = time.perf_counter()
        self._pace = measure_pace(start.net, start.card, self._config, self._device, self._cases.shape)
        measured: list[Measured] = []
        for part, held_out in enumerate(self._folds, start=1):
            result = yield from self._train(part, held_out)
            measured += yield from self._compare(start.predictor(result.weights), held_out)
        folded = time.perf_counter()
        result = yield from self._train(len(self._parts), ())
        trained = time.perf_counter()
        change = start.earlier_change(result.weights)
        new = start.predictor(result.weights)
        found = yield from self._beside_parent(new)
        report = self._report(measured, found)
        compared = time.perf_counter()
        seconds = (read - self._begun + trained - folded, folded - read + compared - trained)
        return self._saved(result, report, found, seconds, change)

    def _train(self, part: int, held_out: tuple[int, ...]) -> Generator[Event, str | None, AdaptResult]:
        """On all cases but those held out. A request to stop counts from the first score on."""
        cases, taught = self._cases, self._taught(held_out)
        config = self._config_of(held_out)
        held = cases.small.subset(cases.samples(held_out)) if held_out else None
        begun = PartBegun(
            part,
            len(self._parts),
            len(cases.pairs) - len(held_out),
            len(held_out),
            config.steps,
            sum(self._config_of(fold).steps for fold in self._parts[part:]),
            self._seconds_left(part - 1),
        )
        yield from self._say(begun)
        steps = adapt(
            self._start.net,
            cases.large.subset(taught),
            self._start.replayed(taught),
            config,
            self._start.card,
            self._device,
            held,
            self._start.reference,
            part,
            watch=self._watch(held_out),
        )
        word = None
        while True:
            try:
                event = steps.send(word)
            except StopIteration as end:
                result: AdaptResult = end.value
                break
            yield from self._say(event)
            scored = event.step >= config.check_every or held is None
            word = STOP if self._stopping and scored else None
        if result.note:
            yield from self._say(Note(result.note))
        if result.step < config.steps:
            self._bound(result.step)
        return result

    def _taught(self, held_out: tuple[int, ...]) -> list[int]:
        """The samples of all cases but those held out."""
        cases = self._cases
        return cases.samples([k for k in range(len(cases.pairs)) if k not in held_out])

    def _config_of(self, held_out: tuple[int, ...]) -> AdaptConfig:
        """The settings of the part that holds these cases out."""
        return self._config.for_images(len(self._taught(held_out)))

    def _watch(self, held_out: tuple[int, ...]) -> Watch | None:
        """Looks at the held-out case that the parent is worst at."""
        if not held_out:
            return None
        samples = self._cases.samples(held_out)
        small = self._cases.small
        net = copy.deepcopy(self._start.net).to(self._device)
        card = self._start.card
        own = card.channels_of(card.output)
        scores = [mean_dice(net, small.subset([k]), card, self._device) for k in samples]
        worst = samples[int(np.argmin(np.nan_to_num(scores, nan=1.0)))]
        name = self._cases.pairs[small.origins[worst]].id
        image = torch.from_numpy(small.images[[worst]]).to(self._device)

        def look(net: nn.Module, step: int) -> Preview:
            with torch.inference_mode():
                logits = answer_of(net, image, own)[0]
                probability = any_label(torch.sigmoid(logits).cpu().numpy())
            return Preview(name, step, np.rint(probability * 255).astype(np.uint8))

        return look

    def _compare(
        self, new: Predictor, held_out: tuple[int, ...]
    ) -> Generator[Event, str | None, list[Measured]]:
        """These cases by parent and child; one that can no longer be read is reported and ignored."""
        found = []
        for k in held_out:
            pair, problem = self._cases.pairs[k], ""
            try:
                case = measure(self._start.parent.predictor, new, pair, self._start.answer)
                found.append(replace(case, group=str(self._cases.groups[k])))
                if case.masks is not None:
                    self._drawn[case.id] = case.masks
            except UserError as error:
                problem = str(error)
            self._compared += 1
            yield from self._say(CaseDone(pair.id, self._compared, self._to_compare, problem))
        if self._stopping:  # no step was under way: no later part makes more of them than the one before
            self._bound(self._config_of(held_out).steps)
        return found

    def _bound(self, steps: int) -> None:
        """No later part makes more steps than these; somebody has stopped the training."""
        self._config = replace(self._config, steps=steps, per_image=0)
        self._stopping, self._stopped = False, True

    def _beside_parent(self, new: Predictor) -> Generator[Event, str | None, BesideParent]:
        before, of = self._compared, self._to_compare
        steps = beside_parent(self._start.parent.predictor, new, self._start.judges, self._own)
        return (yield from changed(steps, lambda done: replace(done, done=before + done.done, total=of)))

    def _report(self, measured: list[Measured], found: BesideParent) -> AcceptanceReport:
        card = self._start.card
        evidence = (*gather(YOURS, measured, card), *found.evidence(card))
        name = self._name or free_name(self._library, self._entry.card.name)
        difference = protocol_difference(case.difference for case in measured)
        asked = tuple(dict.fromkeys(one.zone.name for one in difference.found))
        sentence = difference.sentence() if difference.cases else ""
        return AcceptanceReport(self._entry.card.name, name, evidence, found.elsewhere.drift, asked, sentence)

    def _say(self, event: Event) -> Generator[Event, str | None, None]:
        """Yields, and listens."""
        if (yield event) == STOP:
            self._stopping = True

    def _seconds_left(self, done: int) -> float:
        """To the end of the whole, after so many parts."""
        reference = len(self._start.reference or ())
        parts = self._parts[done:]
        seconds = sum(self._pace.train(self._config_of(part), len(part), reference) for part in parts)
        cases = self._to_compare - self._compared - self._glances
        return seconds + cases * self._pace.case + self._glances * self._pace.glance

    def _saved(
        self,
        result: AdaptResult,
        report: AcceptanceReport,
        found: BesideParent,
        seconds: tuple[float, float],
        change: float | None,
    ) -> FineTuneResult:
        parent, cases, name = self._entry.card, self._cases, report.child
        config = replace(self._config, steps=result.step)
        took = {"stopped": self._stopped, "seconds": [round(s, 1) for s in seconds]}
        settings = {**asdict(config), **self._settings, **took}
        start = self._start
        sources = () if start.replay_set is None else start.replay_set.sources
        card = derived_card(parent, start.card, name, cases, report, sources, self._protocol, settings)
        folder = self._library.own / name
        replay_set = derived_replay_set(cases, parent.output.labels, start.replay_set, self._config.seed)
        card = save_model(result.weights, card, folder, replay_set=replay_set)
        masks, places = found.masks, found.elsewhere.masks
        return FineTuneResult(card, folder, report, *seconds, self._drawn, masks, places, change)


def _preset(name: str) -> AdaptConfig:
    if name not in PRESETS:
        raise UserError(f"There is no preset {name}.", f"Choose {' or '.join(PRESETS)}.")
    return PRESETS[name]
