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


@pytest.mark.parametrize(
    "said",
    [
        *(
            "Omnipaque 350",
            "NON-IONIC",
            "non ionic IV contrast",
            "IV",
            "ORAL",
            "APPLIED",
            "Y",
            "100 ml",
            "조영제",
        ),
        *("W/WO", "with and without contrast", "mit und ohne KM", "ORAL, NO IV", "Isovue 300 no reaction"),
    ],
)
def test_a_medium_is_given_whatever_its_name(said: str) -> None:
    assert contrast_of(said) == "given"


@pytest.mark.parametrize(
    "said",
    [
        *(
            " none ",
            "NO CONTRAST",
            "NON-CONTRAST",
            "W/O",
            "w/o iv contrast",
            "no iv contrast",
            "No i.v. contrast",
        ),
        *("Contrast: none", "not given", "unenhanced", "0 ml", "NO ORAL, NO IV", "CHEST WITHOUT CONTRAST"),
        *("nativ", "ohne intravenöses Kontrastmittel", "kein KM", "sans injection", "sin contraste"),
        *("senza mdc", "비조영", "造影なし", "ＮＯＮＥ"),
    ],
)
def test_without_is_understood_as_people_write_it(said: str) -> None:
    assert contrast_of(said) == "none"
    assert contrast_of(said, applied=True) == "none"


@pytest.mark.parametrize(
    "said", [None, "", " ", "-", "?", "N/A", "n.a.", "UNKNOWN", "Contrast: unknown", "XXX"]
)
def test_a_placeholder_says_nothing_about_contrast(said: str | None) -> None:
    assert contrast_of(said) == ""
    assert contrast_of(said, applied=True) == "given"
