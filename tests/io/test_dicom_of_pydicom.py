"""Each file of pydicom and pydicom-data, alone and by folder: an image, a volume or a UserError."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pydicom.data
import pytest

from napari_unet.core.errors import UserError
from napari_unet.core.source import Source
from napari_unet.io.formats import read_raster
from napari_unet.io.sources import sources_among

INSTALLED = Path(pydicom.data.__file__).parent
# of pydicom-data, which the extra `testing` holds
MORE = Path(str(find_spec("data_store").origin)).parent  # type: ignore[union-attr]
ROOTS = [pytest.param(root, id=root.name) for root in (INSTALLED, MORE)]


def files_in(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.rglob("*")) if path.is_file() and ".py" not in path.suffix)


def outcome(what: Path | Source, names: frozenset[str]) -> str:
    """What came of it; an exception of another kind fails the test."""
    try:
        raster = read_raster(what)
    except UserError as error:
        assert error.problem and error.remedy, what
        assert not [name for name in names if name in str(error)], "a patient is named"
        return "refused"
    assert raster.pixels.ndim in (2, 3) and raster.pixels.size, what
    assert raster.spacing_mm is None or min(raster.spacing_mm) > 0, what
    return "volume" if raster.pixels.ndim == 3 else "image"


def patients_in(path: Path) -> frozenset[str]:
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        names = {str(header.get("PatientName") or "")}
    except Exception:  # what pydicom cannot read has no name for us to give away
        return frozenset()
    return frozenset(name for name in names if len(name) > 3 and name not in str(path))


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.filterwarnings("ignore")
def test_each_file_alone(root: Path) -> None:
    found = Counter(outcome(path, patients_in(path)) for path in files_in(root))
    assert found["image"] > 20 and found["refused"] > 20, found


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.filterwarnings("ignore")
def test_each_folder(root: Path) -> None:
    found: Counter[str] = Counter()
    for folder in sorted({path.parent for path in files_in(root)}):
        files = [path for path in sorted(folder.iterdir()) if path.is_file()]
        for source in sources_among(files):
            names = frozenset().union(*map(patients_in, source.files))
            found[outcome(source, names)] += 1
    assert found["volume"] >= 1 and found["image"] > 10, found
