"""How a CT was made, as far as it decides what can be measured in it: kernel, contrast medium, thickness.

Whether a reconstruction kernel is soft or sharp follows from a table of names. What is not in the table is
unknown: makers have hundreds of names, and a guess would pass for knowledge.
"""

from __future__ import annotations

import re
import unicodedata
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


_NO = (
    r"\b(?:WITHOUT|WO|W O|WOUT|NO|NONE|NOT|NIL|N|NON(?! ?IONI)"  # "non-ionic" is a kind of contrast medium
    r"|OHNE|KEINE?S?|SANS|AUCUNE?|PAS DE|SIN|NINGUNO?|SENZA|NESSUNO?|SEM|ZONDER|GEEN|UTAN|UDEN|UTEN|BEZ)"
)
_MEDIUM = (
    r"\b(?:[CK]ONTRAST\w*|KM|MDC|PDC|PRODUIT|DYE|MEDIUM|MEDIA|AGENT|IV|INTRAVEN\w*|ORAL\w*|BOLUS|INJE[CK]\w*"
    r"|ENHANCE\w*|GIVEN|USED|ADMINISTERED)\b"
)
_WITHOUT = re.compile(
    rf"{_NO} (?:[^\W\d]+ )?{_MEDIUM}|{_NO}$"  # "no iv contrast", but not "Isovue 300 no reaction"
    r"|\b(?:NATIVE?|NATIVO|NATIF|PLAIN|(?:UN|NON)(?:CONTRAST|ENHANCED)\w*)\b"
    r"|^0+ ?(?:ML|CC)?$|^FALSE$|비조영|없음|안 ?함|単純|なし|無|平扫"
)
_WITH = re.compile(r"\b(?:W(?! O\b)|WITH|MIT|AVEC|CON|COM|MET)\b")  # "with and without"
_PLACEHOLDER = re.compile(
    r"UNKNOWN|UNK|NA|N A|NULL|NAN|TBD|X+|BLANK|EMPTY|MISSING|REMOVED|DELETED|REDACTED|ANON\w*|UNDEFINED"
    r"|UNSPECIFIED|UNBEKANNT|INCONNU|DESCONOCIDO|SCONOSCIUTO|NO (?:VALUE|DATA|INFO\w*)"
    r"|NOT (?:KNOWN|SPECIFIED|STATED|RECORDED|AVAILABLE|APPLICABLE|ENTERED|DEFINED|SET)"
)


def contrast_of(agent: str | None, applied: bool = False) -> Contrast:
    """Return whether a contrast medium was given.

    Parameters
    ----------
    agent : str, optional
        ContrastBolusAgent, or what a person wrote in another field. None if the header has no such element,
        which says nothing.
    applied : bool
        Whether the header says so in another place: an agent in a sequence, a volume, a route.

    Returns
    -------
    {"given", "none", ""}
        "none" for what says without, in several languages ("NON-CONTRAST", "W/O", "no iv contrast", "nativ").
        Placeholders ("N/A", "-", "UNKNOWN") say nothing. Any other text is the name of a medium.
    """
    said = {_said(part) for part in re.split(r"[,;&+|]|\bAND\b", _plain(agent or ""))}
    if "given" in said:
        return "given"
    return "none" if "none" in said else "given" if applied else ""


def _said(part: str) -> Contrast:
    """`contrast_of` a part of `_plain` text."""
    words = " ".join(re.findall(r"[^\W_]+", part))
    others = " ".join(re.sub(_MEDIUM, "", words).split())
    if not words or _PLACEHOLDER.fullmatch(others):
        return ""
    return "none" if _WITHOUT.search(words) and not _WITH.search(words) else "given"


def _plain(text: str) -> str:
    """In capitals and without accents; abbreviations as one word: "w/o" is WO, "i.v." IV, "N/A" NA."""
    apart = unicodedata.normalize("NFKD", text.upper())
    bare = unicodedata.normalize("NFC", "".join(one for one in apart if not unicodedata.combining(one)))
    return re.sub(r"\b(\w)\.|\b([WNI])/(?=(?:O|OUT|A|V)\b)", r"\1\2", bare)
