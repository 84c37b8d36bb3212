from __future__ import annotations

import pytest

from napari_unet.core.acquisition import contrast_of, sharpness_of

SIEMENS, GE, PHILIPS = "SIEMENS", "GE MEDICAL SYSTEMS", "Philips"


@pytest.mark.parametrize(
    ("kernel", "manufacturer", "kind"),
    [
        *(("B31f", SIEMENS, "soft"), ("B30s", "Siemens Healthineers", "soft"), ("Br36d", SIEMENS, "soft")),
        *(("B50f", SIEMENS, "sharp"), ("B70f", SIEMENS, "sharp"), ("Bl57d", SIEMENS, "sharp")),
        *(("B43f", SIEMENS, ""), ("B46f", SIEMENS, ""), ("STANDARD", SIEMENS, ""), ("B05f", SIEMENS, "")),
        *(
            ("STANDARD", GE, "soft"),
            (" bone ", GE, "sharp"),
            ("DETAIL", GE, ""),
            ("B31f", GE, ""),
            ("STND", GE, ""),
        ),
        *(("STANDARD", "General Electric", "soft"), ("STANDARD", "GERMANY LTD", "")),
        *(("B", PHILIPS, "soft"), ("D", "PHILIPS Healthcare", "sharp"), ("YA", PHILIPS, "")),
        *(
            ("FC10", "TOSHIBA", "soft"),
            ("FC51", "Canon Medical Systems", "sharp"),
            ("FC13", "TOSHIBA", "soft"),
            ("FC26", "TOSHIBA", ""),
        ),
        *(("B", "", ""), ("", SIEMENS, ""), ("STANDARD", "", "")),
    ],
)
def test_only_names_in_the_table_are_known(kernel: str, manufacturer: str, kind: str) -> None:
    assert sharpness_of(kernel, manufacturer) == kind


def test_the_group_of_a_kernel_goes_first_if_it_says_anything() -> None:
    assert sharpness_of("B31f", SIEMENS, "LUNG") == "sharp"
    assert sharpness_of("", "", "SOFT_TISSUE") == "soft"
    assert sharpness_of("B31f", SIEMENS, "CONSTANT_Q") == "soft"


def test_contrast_is_given_none_or_unknown() -> None:
    assert contrast_of("Omnipaque 350") == contrast_of(None, applied=True) == "given"
    assert contrast_of(" none ") == contrast_of("NO CONTRAST", applied=True) == "none"
    assert contrast_of("") == contrast_of(None) == ""
