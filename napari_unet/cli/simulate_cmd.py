"""`napari-unet-lung simulate`: what fine-tuning saves a person, by a simulated annotator."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_unet.cli import usage
from napari_unet.cli.console import complain, progress_bar, stderr, stdout
from napari_unet.cli.options import Answer, Cluster, Device, Threads, Workers
from napari_unet.engine.here import steps

if TYPE_CHECKING:
    from napari_unet.core.simulated import Simulation
    from napari_unet.core.training_pair import TrainingPair
    from napari_unet.review.types import NewCase

_LONGEST_MIN = 7 * 24 * 60.0  # of one way of working on a worker: a training needs what it needs
_FOLDER = {"metavar": "DIR", "exists": True, "file_okay": False}


def simulate(
    images: Annotated[Path, typer.Argument(help="Folder of X-rays.", **_FOLDER)],
    masks: Annotated[Path, typer.Option(help="Folder of masks to correct towards.", **_FOLDER)],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="DIR", help="Folder for the numbers, a table and a plot."),
    ],
    manifest: Annotated[
        Path | None,
        typer.Option(metavar="CSV", dir_okay=False, help="CSV that names the patient of each image."),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Only images of this split in the manifest.")] = None,
    model: Annotated[str, typer.Option(help="The model to start from.")] = "cxr-lung",
    answer: Answer = None,
    preset: Annotated[
        str, typer.Option(parser=usage.preset, metavar="[quick|thorough]", help="Preset for fine-tuning.")
    ] = "quick",
    after: Annotated[
        str, typer.Option(help="Numbers of corrected cases after which to fine-tune.")
    ] = "4,8,14,20,28,35",
    seeds: Annotated[int, typer.Option(min=1, help="Number of repetitions, with seeds 0, 1, ...")] = 3,
    side: Annotated[int, typer.Option(min=64, help="Larger images are reduced to this longer side.")] = 512,
    device: Device = "auto",
    threads: Threads = None,
    workers: Workers = None,
    cluster: Cluster = None,
) -> None:
    """Count brush strokes until every mask is good enough (Dice 0.97), without and with fine-tuning.

    A mask belongs to an image if its name is <stem>_mask.* or <stem>.*. Nothing is saved but the result:
    simulation.json, simulation.md and simulation.svg.
    """
    from napari_unet.review.add import gather
    from napari_unet.simulation.result import write_result

    numbers = _numbers(after)
    usage.check_model(model, device if cluster is None else None, answer)
    found = gather([images], manifest=manifest, split=split, masks=masks)
    for problem in found.problems:
        stderr.print(problem, markup=False)
    cases = _pairs(found.cases, masks)
    asked = {"model": model, "preset": preset, "after": numbers, "device": device, "threads": threads}
    asked |= {"answer": answer}

    from napari_unet.cli.on_cluster import workplace
    from napari_unet.cli.simulate_on import simulated_on

    with workplace(workers, cluster, (model,), device, _LONGEST_MIN) as place:
        if place is None:
            work = steps("simulate", pairs=cases, seeds=seeds, side=side, **asked)
        else:
            subjects = steps("subjects", pairs=cases, model=model, side=side, answer=answer)
            work = simulated_on(place, subjects, seeds, asked)
        result = _watched(work, output)
    about = {
        "model": model,
        **({} if answer is None else {"answer": answer}),
        "preset": preset,
        "after": list(numbers),
        "cases": result.cases,
        "longest side": side,
        "device": device,
        "threads": result.threads,
    }
    table = write_result(output, result.outcomes, about)
    stdout.print(table, markup=False)
    stdout.print(f"Numbers, table and plot are in {output}", markup=False)
    left = sum(not cost.reached for outcome in result.outcomes for cost in outcome.costs)
    if left:
        complain(f"{left} masks did not become good enough.")
        raise typer.Exit(1)


def _watched(work: Generator[Any, Any, Simulation], output: Path) -> Simulation:
    """Runs the steps under a progress bar; the folder for the result is made once there is work to do."""
    from napari_unet.cli.report import make_folder
    from napari_unet.core.events import CaseDone, Note
    from napari_unet.core.simulated import ArmBegun, Outcome
    from napari_unet.core.steps import run

    with progress_bar("Reading the cases") as bar:

        def tell(event: object) -> None:
            match event:
                case Note(text):
                    bar.say(text)
                case ArmBegun(arm, seed):
                    make_folder(output)
                    bar.show(0, title=f"{arm.capitalize()}, seed {seed}")
                case CaseDone(done=done, total=total):
                    bar.show(done, total)
                case Outcome(arm, seed) as outcome:
                    make_folder(output)
                    bar.say(f"{arm.capitalize()}, seed {seed}: {outcome.strokes} strokes")

        return run(work, tell)


def _pairs(cases: Sequence[NewCase], masks: Path) -> list[TrainingPair]:
    """Images with their masks; those without, or with several, are reported and ignored."""
    from napari_unet.cli.inputs import case_names
    from napari_unet.core.patients import placeholders_among
    from napari_unet.core.source import Source
    from napari_unet.core.training_pair import TrainingPair
    from napari_unet.io.pairs import masks_of_images
    from napari_unet.io.sources import named_paths

    sources = [Source.of(case.source) for case in cases]
    paths = named_paths(sources)
    files = masks_of_images(paths, masks, sources)
    problems, found = [*files.ignored, *files.problems], []
    nobody = placeholders_among(case.patient for case in cases)
    for case, source, path, name in zip(cases, sources, paths, case_names(paths), strict=True):
        if path in files.of:
            patient = "" if case.patient in nobody else case.patient
            found.append(TrainingPair(name, source, files.of[path], patient))
        else:
            why = f": {files.unclear[path]}" if path in files.unclear else " has no mask; ignored."
            problems.append(f"{name}{why}")
    for problem in problems:
        stderr.print(problem, markup=False)
    return found


def _numbers(text: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or min(numbers) < 1 or list(numbers) != sorted(set(numbers)):
        raise typer.BadParameter(f"{text} is not a list of increasing numbers, such as 4,8,14,20,28,35")
    return numbers
