"""Which programs open our DICOM segmentations: the table of docs/dicom-seg.md, each cell with its test."""

from __future__ import annotations

KINDS = (
    "series of CT, seven orientations; tilted, uneven, with a gap",
    "single slice",
    "X-ray",
    "for research, without images",
)
"""What a segmentation is of."""

_SEG, _IN, _OUT = "io/test_dicom_seg.py", "io/test_dicom_seg_in.py", "review/test_export_seg.py"
_OTHERS = f"{_SEG}::test_others_read_the_same_voxels_in_the_same_places"
_UNEVEN = f"{_SEG}::test_a_series_that_was_straightened_or_evened_out"
_XRAY = f"{_SEG}::test_an_x_ray_has_its_orientation_and_no_frame_of_reference"
_RESEARCH = f"{_SEG}::test_for_research_nothing_of_patient_study_or_reader_is_left"
_WRITTEN = f"{_IN}::test_what_was_written_is_read"
_SINGLE = f"{_IN}::test_an_x_ray_and_a_single_slice"
_AS_LABELS = f"{_IN}::test_a_segmentation_is_no_image_and_opens_as_labels"
_REFER = f"{_IN}::test_it_must_refer_to_the_image_or_to_none"

Cell = tuple[str, tuple[str, ...]]
ROWS: tuple[tuple[str, tuple[Cell, Cell, Cell, Cell]], ...] = (
    (
        "dciodvfy (checks DICOM objects)",
        (
            ("no error", (_OTHERS, _UNEVEN)),
            ("no error", (_OTHERS,)),
            ("no error", (_XRAY,)),
            (
                "no error (X-rays are refused)",
                (_RESEARCH, f"{_SEG}::test_an_x_ray_for_research_needs_its_image"),
            ),
        ),
    ),
    (
        "dcmqi (`segimage2itkimage`)",
        (
            ("same", (_OTHERS, _UNEVEN)),
            ("same", (_OTHERS,)),
            ("refuses it: no frame of reference", (_XRAY,)),
            ("same", (_RESEARCH,)),
        ),
    ),
    (
        "pydicom",
        (
            ("same", (f"{_SEG}::test_each_source_instance_is_referred_to_once_and_each_frame_to_its_own",)),
            ("same", (_SINGLE,)),
            ("same", (_XRAY,)),
            ("same", (f"{_OUT}::test_for_research_images_and_masks_fit_together_and_name_nobody",)),
        ),
    ),
    (
        "U-Net Lung: `evaluate`, `review add --masks`",
        (
            ("same", (_WRITTEN, f"{_IN}::test_evaluate_takes_segmentations", _UNEVEN)),
            ("same", (_SINGLE,)),
            ("same", (_SINGLE, f"{_IN}::test_masks_of_a_folder_find_their_images_by_what_they_refer_to")),
            ("same, and it says that the file refers to no image", (_REFER,)),
        ),
    ),
    (
        "napari with U-Net Lung",
        (
            ("a labels layer in the place of the image", (_AS_LABELS,)),
            ("a labels layer", (_AS_LABELS,)),
            ("a labels layer", (_SINGLE,)),
            ("a labels layer in the place of the image", (_AS_LABELS,)),
        ),
    ),
)
"""Program: for each kind what it does with the segmentation, and the tests that show it."""


def table() -> str:
    """As it stands in the docs."""
    head = ("program", *KINDS)
    rows = [(program, *(words for words, _ in cells)) for program, cells in ROWS]
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]])
