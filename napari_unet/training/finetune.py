"""From a user's masks to a model of their own in the library, with the proof of what it is worth."""

from __future__ import annotations

import copy
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone, Note, PartBegun, Preview, StepsDone
from napari_unet.core.evidence import LEAST, Evidence
from napari_unet.core.protocol import protocols_differ
from napari_unet.core.protocol_difference import protocol_difference
from napari_unet.core.steps import STOP, changed
from napari_unet.core.training_pair import FEW, TrainingPair
from napari_unet.inference.device import pick_device
from napari_unet.inference.predictor import Predictor
from napari_unet.models.checkpoint import load_model, save_model
from napari_unet.models.library import ModelLibrary, default_library
from napari_unet.models.replay_set import read_replay_set
from napari_unet.training.acceptance import Measured, gather, measure, measure_replay_set
from napari_unet.training.adapt import AdaptResult, Watch, adapt
from napari_unet.training.adapt_config import PRESETS, AdaptConfig
from napari_unet.training.cases import read_cases
from napari_unet.training.compared import ComparedCase
from napari_unet.training.derived import (
    derived_card,
    derived_replay_set,
    fresh_cases,
    reference_set,
    seen_as_derived,
)
from napari_unet.training.drift import MACHINES, Elsewhere, look_elsewhere, looks
from napari_unet.training.estimate import measure_pace
from napari_unet.training.folds import patient_folds
from napari_unet.training.learner import as_saved, mean_dice
from napari_unet.training.machine import check_room, freed_memory_kept, memory_explained, using_threads
from napari_unet.training.naming import check_name, free_name
from napari_unet.training.outcome import FineTuneResult
from napari_unet.training.samples import from_replay_set
from napari_unet.training.taught import taught_by

Event = PartBegun | StepsDone | Preview | CaseDone | Note
Steps = Generator[Event, str | None, FineTuneResult]
YOURS, REFERENCE = "your images", "the reference set"


def fine_tune(
    pairs: Sequence[TrainingPair],
    parent: str = "cxr-lung",
    name: str | None = None,
    *,
    preset: str = "quick",
    config: AdaptConfig | None = None,
    protocol: str = "",
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
    words, where the user's differs from the parent's. threads : for torch on the processor; None for as many
    as it has. The same pairs, settings, seed, device and threads give the same weights on the CPU.
    untouched : images without a mask by a person, on which both models are looked at in the end.
    Sending STOP ends a training early with the best it has; later ones have no more steps than that.
    Raises UserError for a name that is taken, fewer than two usable cases or patients, and whatever else is
    wrong before the training; later, if memory or disk run out or the loss is not a number from the start.
    """
    if config is None:
        config = _preset(preset)
    elif config != replace(PRESETS.get(preset, AdaptConfig()), seed=config.seed):
        preset = "custom"
    library = library or default_library()
    with using_threads(threads) as used, freed_memory_kept(), memory_explained():
        settings = {"preset": preset, "device": str(pick_device(device)), "threads": used}
        made = _FineTune(pairs, library, parent, name, config, protocol, settings, untouched)
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
        settings: dict[str, Any],
        untouched: Sequence[TrainingPair],
    ) -> None:
        self._begun = time.perf_counter()
        self._library, self._name, self._config = library, name, config
        self._protocol, self._settings = protocol, settings
        self._entry = library.find(parent)
        if name is not None:
            check_name(library, name)
        check_room(library.own)
        self._net = load_model(self._entry)
        self._device = str(settings["device"])
        self._parent = Predictor(self._net, self._entry.card, torch.device(self._device))
        self._cases, self._notes = read_cases(pairs, self._entry.card)
        self._replay_set = read_replay_set(self._entry)
        replay_set = self._replay_set
        card = self._entry.card
        self._replayed = None if replay_set is None else from_replay_set(replay_set.part("replay"), card)
        self._judges = None if replay_set is None else reference_set(self._cases, replay_set)
        self._reference = None if self._judges is None else from_replay_set(self._judges, card)
        self._parents_cases = taught_by(self._entry.card, replay_set)
        self._fresh = fresh_cases(self._cases, self._parents_cases)
        groups = [self._cases.groups[k] for k in self._fresh]
        self._folds = [
            tuple(self._fresh[k] for k in fold) for fold in patient_folds(groups, config.folds, config.seed)
        ]
        self._parts: list[tuple[int, ...]] = [*self._folds, ()]
        self._stopping = self._stopped = False
        self._compared = 0
        self._drawn: tuple[dict[str, ComparedCase], dict[str, ComparedCase]] = ({}, {})  # held out, reference
        self._own = untouched
        self._glances = looks(card, self._judges, untouched)
        self._to_compare = len(self._fresh) + len(self._reference or ()) + self._glances

    def steps(self) -> Steps:
        """The whole way; see `fine_tune`."""
        for text in (*self._notes, *self._warnings()):
            yield from self._say(Note(text))
        read = time.perf_counter()
        self._pace = measure_pace(self._net, self._entry.card, self._config, self._device, self._cases.shape)
        measured: list[Measured] = []
        for part, held_out in enumerate(self._folds, start=1):
            result = yield from self._train(part, held_out)
            measured += yield from self._compare(self._predictor(result), held_out)
        folded = time.perf_counter()
        result = yield from self._train(len(self._parts), ())
        trained = time.perf_counter()
        new = self._predictor(result)
        reference = yield from self._compare_reference(new)
        elsewhere = yield from self._look_elsewhere(new)
        site = gather(YOURS, measured, self._entry.card)
        machines = gather(MACHINES, elsewhere.machines, self._entry.card) if elsewhere.machines else ()
        report = self._report((*site, *reference, *machines), measured, elsewhere)
        compared = time.perf_counter()
        seconds = (read - self._begun + trained - folded, folded - read + compared - trained)
        return self._saved(result, report, elsewhere, seconds)

    def _warnings(self) -> Iterator[str]:
        """What the user should know before the training."""
        card, cases, replay_set = self._entry.card, len(self._cases.pairs), self._replay_set
        if cases < FEW:
            yield f"{cases} cases are few: four or more teach the model better, and eight can prove it."
        if protocols_differ(self._protocol, card.output.protocol):
            yield (
                f"Your masks follow another rule than those of {card.name}. Yours: “{self._protocol.strip()}”"
                f" Its: “{card.output.protocol}” The new model will follow yours; do not compare areas of "
                "the two."
            )
        patients = len({self._cases.groups[k] for k in self._fresh})
        if 0 < patients < LEAST:
            yield (
                f"The new model is tested on {patients} patient{'s' * (patients != 1)}: under {LEAST} it can "
                "be called “perhaps better” at most, for its gain may be chance."
            )
        if replay_set is None or self._judges is None:
            yield f"The model {card.name} has no replay set: what it forgets cannot be measured."
        elif gone := len(replay_set.part("gate")) - len(self._judges):
            yield (
                f"{gone} of the {len(self._judges) + gone} reference images of {card.name} are among these "
                "cases, or of their patients: they are used for training and no longer for the test."
            )
        if known := cases - len(self._fresh):
            others = "only the others are held out" if self._fresh else "none is left"
            first = f" To test on all of them, begin with {card.parent}." if card.parent else ""
            yield (
                f"{known} of {cases} cases were used to train {card.name} before: they are used for "
                f"training again, and {others} to test the new model.{first}"
            )
        if unknown := self._parents_cases.sentence():
            yield unknown

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
            self._net,
            cases.large.subset(taught),
            self._replayed,
            config,
            self._entry.card,
            self._device,
            held,
            self._reference,
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
        net = copy.deepcopy(self._net).to(self._device)
        card = self._entry.card
        own = card.channels_of(card.output)
        scores = [mean_dice(net, small.subset([k]), card, self._device) for k in samples]
        worst = samples[int(np.argmin(np.nan_to_num(scores, nan=1.0)))]
        name = self._cases.pairs[small.origins[worst]].id
        image = torch.from_numpy(small.images[[worst]]).to(self._device)

        def look(net: nn.Module, step: int) -> Preview:
            with torch.inference_mode():
                logits = net(image)[0, own].amax(dim=0)
                probability = torch.sigmoid(logits).cpu().numpy()
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
                case = measure(self._parent, new, pair)
                found.append(replace(case, group=str(self._cases.groups[k])))
                if case.masks is not None:
                    self._drawn[0][case.id] = case.masks
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

    def _compare_reference(self, new: Predictor) -> Generator[Event, str | None, tuple[Evidence, ...]]:
        if self._judges is None or not len(self._judges):
            return ()
        before, of = self._compared, self._to_compare
        steps = measure_replay_set(self._parent, new, self._judges)
        found = yield from changed(steps, lambda done: CaseDone(done.name, before + done.done, of))
        self._drawn[1].update({case.id: case.masks for case in found if case.masks is not None})
        return gather(REFERENCE, found, self._entry.card)

    def _look_elsewhere(self, new: Predictor) -> Generator[Event, str | None, Elsewhere]:
        before, of = self._to_compare - self._glances, self._to_compare
        steps = look_elsewhere(self._parent, new, self._judges, self._own)
        return (yield from changed(steps, lambda done: replace(done, done=before + done.done, total=of)))

    def _report(
        self, evidence: tuple[Evidence, ...], measured: list[Measured], elsewhere: Elsewhere
    ) -> AcceptanceReport:
        name = self._name or free_name(self._library, self._entry.card.name)
        difference = protocol_difference(case.difference for case in measured)
        asked = tuple(dict.fromkeys(one.zone.name for one in difference.found))
        sentence = difference.sentence() if difference.cases else ""
        return AcceptanceReport(self._entry.card.name, name, evidence, elsewhere.drift, asked, sentence)

    def _predictor(self, result: AdaptResult) -> Predictor:
        """The new network as it will be read back: weights rounded to half precision."""
        card = seen_as_derived(self._entry.card)
        return Predictor(as_saved(card, result.weights), card, torch.device(self._device))

    def _say(self, event: Event) -> Generator[Event, str | None, None]:
        """Yields, and listens."""
        if (yield event) == STOP:
            self._stopping = True

    def _seconds_left(self, done: int) -> float:
        """To the end of the whole, after so many parts."""
        reference = len(self._reference or ())
        parts = self._parts[done:]
        seconds = sum(self._pace.train(self._config_of(part), len(part), reference) for part in parts)
        cases = self._to_compare - self._compared - self._glances
        return seconds + cases * self._pace.case + self._glances * self._pace.glance

    def _saved(
        self,
        result: AdaptResult,
        report: AcceptanceReport,
        elsewhere: Elsewhere,
        seconds: tuple[float, float],
    ) -> FineTuneResult:
        parent, cases, name = self._entry.card, self._cases, report.child
        config = replace(self._config, steps=result.step)
        took = {"stopped": self._stopped, "seconds": [round(s, 1) for s in seconds]}
        settings = {**asdict(config), **self._settings, **took}
        sources = () if self._replay_set is None else self._replay_set.sources
        card = derived_card(parent, name, cases, report, sources, self._protocol.strip(), settings)
        folder = self._library.own / name
        replay_set = derived_replay_set(cases, parent.output.labels, self._replay_set, self._config.seed)
        card = save_model(result.weights, card, folder, replay_set=replay_set)
        return FineTuneResult(card, folder, report, *seconds, *self._drawn, drift=elsewhere.masks)


def _preset(name: str) -> AdaptConfig:
    if name not in PRESETS:
        raise UserError(f"There is no preset {name}.", f"Choose {' or '.join(PRESETS)}.")
    return PRESETS[name]
