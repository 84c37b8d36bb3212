"""How a CT was made, as far as it decides what can be measured in it: kernel, contrast medium, thickness.

Whether a reconstruction kernel is soft or sharp follows from a table of names. What is not in the table is
unknown: makers have hundreds of names, and a guess would pass for knowledge.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Sharpness = Literal["soft", "sharp", ""]
Contrast = Literal["given", "none", ""]

KERNELS: dict[str, dict[str, Sharpness]] = {
    "GE": {
        **dict.fromkeys(("SOFT", "STANDARD"), "soft"),
        **dict.fromkeys(("LUNG", "BONE", "BONEPLUS", "EDGE"), "sharp"),
    },
    "PHILIPS": {**dict.fromkeys(("B", "C"), "soft"), "D": "sharp"},
    "TOSHIBA": {**dict.fromkeys(("FC10", "FC13"), "soft"), **dict.fromkeys(("FC51", "FC55"), "sharp")},
}
"""Kernels by the maker of the scanner, in capitals; Canon's are TOSHIBA's, Siemens has numbers.

Sources. GE: bone and lung keep high spatial frequencies at the price of noise, standard and soft tissue
reduce both (Strub et al. 2007, AJR 189:W115); BONE against STANDARD for emphysema: Zhang et al. 2006, SPIE
Medical Imaging (Lung Tissue Resource Consortium); EDGE resolves 14 cycles per cm ("Improvement in CT image
resolution due to the use of focal spot deflection and increased sampling", J Appl Clin Med Phys). DETAIL and
CHEST lie between and are left out. Toshiba: FC13 is "conventional soft tissue kernel", FC55 "conventional
lung kernel" (a study of the hybrid kernel FC13-H, synapse.koreamed.org/articles/1099806).
The National Lung Screening Trial had one smooth and one sharp filter of each maker (its data dictionary,
"ct_recon_filter": GE Standard and Bone, Philips C and D, Siemens B30 and B50F, Toshiba FC10 and FC51). Which
of Philips' and Toshiba's is the sharp one is not said there: D and FC51 are in the code of groups who
harmonize these scans, and B stands beside C.
"""

_SIEMENS = re.compile(r"[A-Z]{1,2}(\d\d)[A-Z]?")
_SIEMENS_SOFT, _SIEMENS_SHARP = range(10, 40), range(50, 100)
"""Siemens kernels are letters for the part of the body, a number, the sharper the higher, and a suffix, as in
B31f and Br40d. B10 to B31 are extremely soft to standard; B50 to B80 are for higher sharpness, as in the
thorax (operating instructions of the SOMATOM Sensation Cardiac, "Body Kernels"). B50f makes 15.3 % of a lung
emphysema where B30f makes 5.4 % (Lee et al. 2019, Korean J Radiol 20:295). 40 to 49 lie between and are left
out."""
_GROUPS: dict[str, Sharpness] = {"SOFT_TISSUE": "soft", "LUNG": "sharp", "BONE": "sharp"}
_MAKERS = {"GENERAL ELECTRIC": "GE", "CANON": "TOSHIBA"}


@dataclass(frozen=True)
class Acquisition:
    """What a header says of how a CT was made.

    Parameters
    ----------
    kernel : str
        ConvolutionKernel as it stands in the header; several values are joined by "/". "" if unknown.
    sharpness : {"soft", "sharp", ""}
        What kind of kernel it is; "" if unknown.
    contrast : {"given", "none", ""}
        Whether a contrast medium was given; "" if unknown. Its name is not kept: such fields hold anything.
    thickness_mm : float, optional
        SliceThickness. None if unknown.
    """

    kernel: str = ""
    sharpness: Sharpness = ""
    contrast: Contrast = ""
    thickness_mm: float | None = None


def sharpness_of(kernel: str, manufacturer: str, group: str = "") -> Sharpness:
    """Return what kind of reconstruction kernel this is.

    Parameters
    ----------
    kernel, manufacturer : str
        ConvolutionKernel (its first value) and Manufacturer.
    group : str
        ConvolutionKernelGroup, of multi-frame CT (DICOM PS3.3 C.8.15.3.9); it goes first if it says anything.

    Returns
    -------
    {"soft", "sharp", ""}
        "" for all that `KERNELS` and the rule for Siemens do not name.
    """
    if group in _GROUPS:
        return _GROUPS[group]
    name, maker = kernel.strip().upper(), manufacturer.strip().upper()
    if maker.startswith("SIEMENS"):
        found = _SIEMENS.fullmatch(name)
        number = int(found[1]) if found else 0
        return "soft" if number in _SIEMENS_SOFT else "sharp" if number in _SIEMENS_SHARP else ""
    maker = next((known for said, known in _MAKERS.items() if maker.startswith(said)), maker)
    table = next((table for known, table in KERNELS.items() if re.match(rf"{known}\b", maker)), {})
    return table.get(name, "")


_WITHOUT = {"NONE", "NO", "NO CONTRAST", "WITHOUT", "WITHOUT CONTRAST", "NIL", "N", "OHNE", "NATIVE", "0"}


def contrast_of(agent: str | None, applied: bool = False) -> Contrast:
    """Return whether a contrast medium was given.

    Parameters
    ----------
    agent : str, optional
        ContrastBolusAgent; None if the header has no such element, which says nothing.
    applied : bool
        Whether the header says so in another place: an agent in a sequence, a volume, a route.
    """
    said = (agent or "").strip().upper()
    if said in _WITHOUT:
        return "none"
    return "given" if said or applied else ""
