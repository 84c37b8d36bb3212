from __future__ import annotations

import pytest

from napari_unet.core.header_facts import CHILD, LYING, VIEW, header_facts

_ADULTS = "frontal (PA or AP) chest X-rays of adults"


def _codes(use=_ADULTS, **said):
    return [fact.code for fact in header_facts(use, ("PA", "AP"), ("CR", "DX"), **said)]


@pytest.mark.parametrize(("age", "codes"), [(None, []), (0.5, [CHILD]), (17.9, [CHILD]), (18, []), (80, [])])
def test_a_child_where_the_card_says_adults(age, codes):
    assert _codes(age_years=age) == codes
    assert _codes("chest X-rays", age_years=age) == []
    assert _codes("chest X-rays of adults and children", age_years=age) == []


@pytest.mark.parametrize("position", ["supine", "prone", "decubitus"])
def test_a_lying_patient_counts_in_an_x_ray_only(position):
    assert _codes(position=position) == _codes(position=position, modality="DX") == [LYING]
    assert _codes(position=position, modality="CT") == []
    assert _codes("chest X-rays of adults, bedside too", position=position) == []
    assert _codes(position="") == []


def test_a_view_the_model_is_not_for():
    assert _codes(view="LL") == [VIEW]
    assert _codes(view="AP") == _codes(view="") == []


def test_the_words_give_no_age_and_the_reason():
    (child, lying) = header_facts(_ADULTS, (), ("CR",), age_years=7.0, position="supine")
    assert "under 18" in child.text and "adults" in child.text and "7" not in child.text
    assert "supine" in lying.text
