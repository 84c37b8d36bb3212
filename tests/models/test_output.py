from __future__ import annotations

from typing import Any

import pytest
from finding_fakes import REFERENCE

from napari_unet.models.output import Output


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"task": "classification"}, "needs findings"),
        ({"swaps": [[0, 1]]}, "channels that are not there"),
        ({"id": "a b"}, "pattern"),
        (
            {"task": "classification", "findings": ["x"], "likeness": {"shape": [[0, 1]]}},
            "a likeness is that",
        ),
        ({"labels": {"name": "x", "labels": [{"value": 255, "name": "y"}]}}, "from 1 to 254"),
        ({"labels": {"name": "x", "labels": []}}, "value of its own"),
    ],
)
def test_an_output_that_cannot_be_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Output.model_validate(fields)


def test_a_score_is_a_rank() -> None:
    assert [REFERENCE.rank(score) for score in (0.0, 0.015, 0.5, 2.0)] == [0, 50, 75, 100]
    assert REFERENCE.model_copy(update={"normal": ()}).rank(0.5) is None
    output = Output(id="f", task="classification", findings=("abnormal",), references=(REFERENCE,))
    assert output.reference("abnormal") == REFERENCE and output.reference("fibrosis") is None
