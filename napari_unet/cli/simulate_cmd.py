"""`napari-unet-lung simulate`: what fine-tuning saves a person, by a simulated annotator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_unet.cli import usage
from napari_unet.cli.console import complain, stderr, stdout, watched
from napari_unet.core.errors import UserError

if TYPE_CHECKING:
    from napari_unet.review.types import NewCase
    from napari_unet.training.simulate import Outcome, Subject

_FOLDER = {"metavar": "DIR", "exists": True, "file_okay": False}


def simulate(
    images: Annotated[Path, typer.Argument(help="Folder of X-rays.", **_FOLDER)],
    masks: Annotated[Path, typer.Option(help="Folder of masks to correct towards.", **_FOLDER)],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="For the numbers, a table and a plot.")
    ],
    manifest: Annotated[
        Path | None, typer.Option(metavar="CSV", dir_okay=False, help="Says which patient each image is of.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Only images of this split in the manifest.")] = None,
    model: Annotated[str, typer.Option(help="The model to begin with.")] = "cxr-lung",
    preset: Annotated[
        str, typer.Option(parser=usage.preset, metavar="[quick|thorough]", help="How it is fine-tuned.")
    ] = "quick",
    after: Annotated[
        str, typer.Option(help="Numbers of corrected cases after which it is.")
    ] = "4,8,14,20,28,35",
    seeds: Annotated[int, typer.Option(min=1, help="How often everything is done.")] = 3,
    side: Annotated[int, typer.Option(min=64, help="Larger images are reduced to this longer side.")] = 512,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="Processor threads.", show_default="all")] = None,
) -> None:
    """Count brush strokes until every mask is good enough (Dice 0.97), without and with fine-tuning.

    A mask belongs to an image if its name is <stem>_mask.* or <stem>.*. Nothing is saved but the result:
    simulation.json, simulation.md and simulation.svg.
    """
    from napari_unet.cli.report import make_folder
    from napari_unet.cli.simulation_result import write_result
    from napari_unet.review.add import gather
    from napari_unet.training.machine import freed_memory_kept, using_threads

    steps = _steps(after)
    usage.check_model(model, device)
    found = gather([images], manifest=manifest, split=split, masks=masks)
    for problem in found.problems:
        stderr.print(problem, markup=False)
    subjects = _subjects(found.cases, masks, side)
    if len(subjects) < 2:
        raise UserError("Fewer than two X-rays have a mask with lung in it.", "Check the names of the masks.")
    if known := _known(model, subjects):
        stderr.print(known, markup=False)
    make_folder(output)
    with using_threads(threads) as used, freed_memory_kept():
        outcomes = _outcomes(subjects, model, preset, steps, seeds, device)
    about = {
        "model": model,
        "preset": preset,
        "after": list(steps),
        "cases": len(subjects),
        "longest side": side,
        "device": device,
        "threads": used,
    }
    table = write_result(output, outcomes, about)
    stdout.print(table, markup=False)
    stdout.print(f"Numbers, table and plot are in {output}", markup=False)
    left = sum(not cost.reached for outcome in outcomes for cost in outcome.costs)
    if left:
        complain(f"{left} masks did not become good enough.")
        raise typer.Exit(1)


def _outcomes(
    subjects: Sequence[Subject], model: str, preset: str, after: Sequence[int], seeds: int, device: str
) -> list[Outcome]:
    from napari_unet.inference.device import pick_device
    from napari_unet.models.checkpoint import load_model
    from napari_unet.models.library import default_library
    from napari_unet.models.memory import read_memory
    from napari_unet.training import simulate as simulation
    from napari_unet.training.adapt_config import PRESETS
    from napari_unet.training.samples import from_memory
    from napari_unet.training.simulated_model import Fitting, looking

    entry, chosen = default_library().find(model), str(pick_device(device))
    net, memory = load_model(entry), read_memory(entry)
    replayed = None if memory is None else from_memory(memory.part("replay"), entry.card)
    first = simulation.kept(looking(net, entry.card, chosen))
    outcomes = []
    for seed in range(seeds):
        for arm in simulation.Arm:
            fitting = Fitting(net, entry.card, replayed, PRESETS[preset], chosen)
            steps = simulation.simulate(subjects, arm, first, fitting, after=after, seed=seed)
            outcomes.append(watched(f"{arm.capitalize()}, seed {seed}", steps))
            stderr.print(f"{arm.capitalize()}, seed {seed}: {outcomes[-1].strokes} strokes")
    return outcomes


def _known(model: str, subjects: Sequence[Subject]) -> str:
    """What is to be said if X-rays have taught the model that is begun with; "" if nothing is."""
    from napari_unet.core.training_pair import TrainingPair
    from napari_unet.models.library import default_library
    from napari_unet.training.cases import known_images
    from napari_unet.training.gate import Familiar, remembered
    from napari_unet.training.taught import taught_by

    entry = default_library().find(model)
    taught = taught_by(entry.card, remembered(entry))
    pairs = (TrainingPair(one.id, one.raster, one.reference, one.patient) for one in subjects)
    seen = [known_images(pair, one.raster, entry.card) for pair, one in zip(pairs, subjects, strict=True)]
    familiar = Familiar(model, taught.count(seen), len(seen), taught.sentence())
    return " ".join(text for text in (familiar.sentence(), familiar.unknown) if text)


def _subjects(cases: Sequence[NewCase], masks: Path, side: int) -> list[Subject]:
    from napari_unet.cli.inputs import case_names
    from napari_unet.core.patients import placeholders_among
    from napari_unet.core.source import Source
    from napari_unet.io.pairs import masks_of_images
    from napari_unet.io.sources import named_paths

    sources = [Source.of(case.source) for case in cases]
    paths = named_paths(sources)
    files = masks_of_images(paths, masks)
    problems, found = [*files.ignored, *files.problems], []
    nobody = placeholders_among(case.patient for case in cases)
    for case, path, name in zip(cases, paths, case_names(paths), strict=True):
        if path not in files.of:
            why = f": {files.unclear[path]}" if path in files.unclear else " has no mask; left out."
            problems.append(f"{name}{why}")
            continue
        try:
            known = replace(case, patient="") if case.patient in nobody else case
            found.append(_subject(name, known, files.of[path], side))
        except UserError as error:
            problems.append(f"{name}: {error}")
    for problem in problems:
        stderr.print(problem, markup=False)
    return found


def _subject(name: str, case: NewCase, mask: Path, side: int) -> Subject:
    """An image and its mask at no more than `side` pixels. Raises UserError if it is none to correct."""
    from napari_unet.core.labels import ignored, lung
    from napari_unet.core.source import Source
    from napari_unet.inference.prepare import resized
    from napari_unet.io.formats import read_labels, read_raster
    from napari_unet.training.simulate import Subject

    raster = read_raster(Source.of(case.source))
    found = read_labels(mask, of=raster)
    reference, ignore = lung(found.labels), ignored(found.labels)
    for note in found.notes:
        stderr.print(f"{name}: {note}", markup=False)
    if raster.pixels.ndim != 2 or raster.shape != reference.shape:
        raise UserError("It is no single X-ray, or its mask has another size.", "Left out.")
    if not reference.any():
        raise UserError("There is no lung in its mask.", "Left out.")
    scale = min(1.0, side / max(raster.shape))
    height, width = (max(1, round(length * scale)) for length in raster.shape)
    if (height, width) != raster.shape:
        pixels = resized(raster.pixels, (height, width))[0, 0].numpy()
        raster = replace(raster, pixels=pixels, spacing_mm=None, affine=None, frame=None)
        reference = resized(reference, (height, width))[0, 0].numpy() >= 0.5
        ignore = None if ignore is None else resized(ignore, (height, width))[0, 0].numpy() >= 0.5
    return Subject(name, case.patient, raster, reference, ignore)


def _steps(text: str) -> tuple[int, ...]:
    try:
        steps = tuple(int(part) for part in text.split(","))
    except ValueError:
        steps = ()
    if not steps or min(steps) < 1 or list(steps) != sorted(set(steps)):
        raise typer.BadParameter(f"{text} is no list of growing numbers, such as 4,8,14,20,28,35")
    return steps
