"""`napari-unet-lung watch`: masks of what arrives in a folder, as it arrives."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_unet.cli.console import complain, json_line, stderr, stdout
from napari_unet.cli.options import (
    Anonymous,
    Answer,
    AsJson,
    Device,
    Labels,
    MaskModel,
    Output,
    Overlay,
    Probability,
    Recursive,
    Seg,
    Threshold,
)
from napari_unet.cli.segment_cmd import RECORD, settings_of, sides_of
from napari_unet.cli.usage import check_model
from napari_unet.core.auto import AUTO
from napari_unet.core.errors import UserError

if TYPE_CHECKING:
    from napari_unet.cli.report import Row

_LOOK = 1.0  # seconds between two looks, or less if files settle sooner


def watch(
    folder: Annotated[Path, typer.Argument(metavar="IN", help="Folder in which images arrive.")],
    output: Output,
    model: MaskModel = AUTO,
    answer: Answer = None,
    threshold: Threshold = None,
    device: Device = "auto",
    labels: Labels = None,
    probability: Probability = False,
    overlay: Overlay = False,
    seg: Seg = False,
    recursive: Recursive = False,
    anonymous: Anonymous = False,
    settle: Annotated[
        float, typer.Option(min=0, help="Seconds a file must stay unchanged to count as complete.")
    ] = 10,
    idle: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="Stop when nothing arrives for this long. [never]",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Segment what arrives in a folder, each image once it is complete. Ctrl+C ends it.

    Started again, it does only what is missing in OUT.
    """
    from napari_unet.cli.report import make_folder
    from napari_unet.doctor import refuse_foreign_files

    refuse_foreign_files()
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder.", "Name the folder in which images arrive.")
    if output.resolve() == folder.resolve():
        raise UserError("Results cannot go into the folder that is watched.", "Choose another one with -o.")
    make_folder(output)
    check_model(model, device, answer)
    sides = sides_of(labels, model, answer)

    from napari_unet.cli.batch import Batch, Options
    from napari_unet.cli.report import write_report
    from napari_unet.cli.resume import ResumeRecord
    from napari_unet.cli.watched_folder import WatchedFolder

    options = Options(output, model, threshold, device, sides, probability, overlay, anonymous, answer, seg)
    record = ResumeRecord(output, RECORD, settings_of(options), again=False)
    watched = WatchedFolder(folder, output, recursive, anonymous, settle)
    rows: dict[str, Row] = {}
    columns: tuple[str, ...] = ()
    stderr.print(f"Watching {folder}; Ctrl+C ends it.", markup=False)
    last = time.monotonic()
    while True:
        inputs = watched.arrived()
        if inputs is None:
            if idle is not None and not watched.waits and time.monotonic() - last >= idle:
                break
            time.sleep(min(_LOOK, max(settle, 0.05)))
            continue
        batch = Batch(inputs, options, record)
        try:
            for result in batch.run(lambda _: None):
                if as_json:
                    json_line(result.record())
                if result.row.error:
                    complain(f"{result.row.case}: {result.row.error}")
                elif not as_json and result.earlier is None:
                    stdout.print(result.sentence(), markup=False)
        finally:
            rows |= {row.case: row for row in batch.rows}
            columns = columns or batch.label_columns
            write_report(output, rows.values(), columns)
        last = time.monotonic()
    failed = sum(bool(row.error) for row in rows.values())
    stdout.print(f"{len(rows) - failed} of {len(rows)} segmented; results in {output}", markup=False)
    if failed:
        raise typer.Exit(1)
