from __future__ import annotations

import pytest

from napari_unet.core.protocol import protocols_differ


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ("heart left out", "Heart  left out.", False),
        ("heart left out", "with the heart", True),
        ("", "with the heart", False),
        ("heart left out", "  ", False),
    ],
)
def test_what_differs_is_the_words_not_their_looks(one: str, other: str, differ: bool) -> None:
    assert protocols_differ(one, other) is protocols_differ(other, one) is differ
