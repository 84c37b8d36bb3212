"""Age and position of the patient: read for what a model's card says, and not stored."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from dicom_files import save

from napari_unet.io.formats import read_raster

_PIXELS = np.arange(40 * 50, dtype=np.uint16).reshape(40, 50)


@pytest.mark.parametrize(
    ("tags", "age"),
    [
        ({"PatientAge": "007Y"}, 7),
        ({"PatientAge": "018M"}, 1.5),
        ({"PatientAge": "003D"}, 0),
        ({"PatientAge": "052Y", "StudyDate": "19600101"}, 52),
        ({"PatientAge": "000Y", "PatientBirthDate": None}, None),
        ({"PatientBirthDate": "20100615", "StudyDate": "20280614"}, 17),
        ({"PatientBirthDate": "20100615", "StudyDate": "20280615"}, 18),
        ({"PatientBirthDate": "20100615", "StudyDate": "20050615"}, None),
        ({"PatientBirthDate": "19000101", "StudyDate": "20260101"}, None),
        ({"PatientBirthDate": "unknown", "StudyDate": "20260101"}, None),
        ({}, None),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_age(tmp_path, tags, age):
    found = read_raster(save(tmp_path / "a.dcm", _PIXELS, **tags)).age_years
    assert found is None if age is None else found == pytest.approx(age, abs=0.02)


def _code(meaning, **inside):
    code = pydicom.Dataset()
    code.CodeMeaning = meaning
    for name, items in inside.items():
        setattr(code, name, items)
    return code


@pytest.mark.parametrize(
    ("tags", "position"),
    [
        ({"ViewPosition": "AP SUPINE"}, "supine"),
        ({"SeriesDescription": "Chest a.p. Supine"}, "supine"),
        ({"ProtocolName": "THORAX PA ERECT"}, ""),
        (
            {
                "PatientOrientationCodeSequence": [
                    _code("recumbent", PatientOrientationModifierCodeSequence=[_code("prone")])
                ]
            },
            "supine",
        ),
        ({"ViewCodeSequence": [_code("AP", ViewModifierCodeSequence=[_code("decubitus")])]}, "decubitus"),
        ({"PatientPosition": "HFS"}, "supine"),
        ({"PatientPosition": "FFP"}, "prone"),
        ({"PatientPosition": "HFDR"}, "decubitus"),
        ({"PatientPosition": "HFS", "ViewPosition": "PA"}, ""),
        ({"PatientPosition": "SITTING"}, ""),
        ({}, ""),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_position(tmp_path, tags, position):
    assert read_raster(save(tmp_path / "a.dcm", _PIXELS, **tags)).position == position
