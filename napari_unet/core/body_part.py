"""What the header says of the part of the body that was scanned, and how far that is to be believed."""

from __future__ import annotations

import re
from collections.abc import Sequence

_WITHOUT_LUNG = re.compile(
    r"(?:(?:LEFT|RIGHT|BOTH|UPPER|LOWER)?(?:HEAD|SKULL|SKULLBASE|BRAIN|CRANIUM|FACE|FACIALBONES?|SINUS(?:ES)?"
    r"|PARANASALSINUS(?:ES)?|NOSE|ORBITS?|EYES?|EARS?|IAC|TEMPORALBONES?|JAW|MANDIBLE|MAXILLA|TMJ|DENTAL|TEETH"
    r"|EXTREMIT(?:Y|IES)|LIMBS?|ARMS?|HUMERUS|ELBOWS?|FOREARMS?|WRISTS?|HANDS?|FINGERS?|THUMBS?|LEGS?|THIGHS?"
    r"|FEMUR|KNEES?|CALF|TIBIA|FIBULA|ANKLES?|FOOT|FEET|TOES?|HIPS?))+"
)


def names_other_part(body_part: str, fitting: Sequence[str]) -> bool:
    """Whether a header's `body_part` is none of those that fit.

    One fits if it occurs in it ("CHEST" in "CHEST_ABDOMEN"). "" fits anything, and () is anything.
    """
    said = body_part.upper()
    return bool(said and fitting and not any(one in said for one in fitting))


def may_hold_lung(body_part: str) -> bool:
    """Whether a CT with this body part in its header may show lung: all but heads and limbs.

    The header often names only one part of what was scanned (ABDOMEN, HEART, SPINE), or one that is on no
    list (TAP).
    """
    return not _WITHOUT_LUNG.fullmatch(re.sub(r"[\W\d_]", "", body_part.upper()))
