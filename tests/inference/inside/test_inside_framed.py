"""A model that looks at the lungs alone is looked into as it scores: on the image cut to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from finding_fakes import library_with, no_chest, sample

from napari_unet.core.inside import AskField, AskMaps, AskMask
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.inference.find import find_steps
from napari_unet.inference.inside.steps import inside_steps
from napari_unet.inference.lung_frame import LungsNotFound


def test_it_sees_what_it_scores_and_maps_lie_over_the_lungs(tmp_path: Path) -> None:
    library, raster = library_with(tmp_path), sample()

    def ask(question: object, image: Raster = raster) -> object:
        return run(inside_steps(image, question, model="toy-finding", device="cpu", library=library))  # type: ignore[arg-type]

    scored = run(find_steps(raster, model="toy-finding", device="cpu", library=library))
    rows, columns = scored.boxes[0]
    mask = ask(AskMask())
    assert mask.scores == pytest.approx(dict(scored.scores), abs=1e-5)  # type: ignore[attr-defined]
    maps = ask(AskMaps("encoder.0"))
    for axis, part in enumerate((rows, columns)):
        first = maps.place.origin[axis] - maps.place.step[axis] / 2 + 0.5  # type: ignore[attr-defined]
        last = first + maps.maps.shape[1 + axis] * maps.place.step[axis]  # type: ignore[attr-defined]
        assert (first, last) == pytest.approx((part.start, part.stop))
    field = ask(AskField(((rows.start + rows.stop) // 2, (columns.start + columns.stop) // 2)))
    top, bottom, left, right = field.box  # type: ignore[attr-defined]
    assert rows.start <= top < bottom <= rows.stop and columns.start <= left < right <= columns.stop
    with pytest.raises(LungsNotFound):
        ask(AskMaps("encoder.0"), Raster(np.zeros((64, 64), np.uint8) + no_chest() // 64))
