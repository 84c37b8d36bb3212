"""What docs/lineage.md says in sentences, against figures that are worked out here from made-up results."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.lineage.as_published import differences, in_float32
from benchmarks.lineage.conclusions import IDEAS, goals, ideas, still_rising, what_noise_is
from benchmarks.lineage.networks import Network
from benchmarks.lineage.page import page
from benchmarks.lineage.plan import ROWS, SETS, planned
from benchmarks.lineage.tables import networks
from benchmarks.lineage.train import Trained
from benchmarks.lineage.vanishing import verdicts
from napari_unet.nets.ciresan import SlidingWindow
from napari_unet.nets.unet_2015 import UNet2015

EM, XRAY = SETS
SLICES = "5 slices of the same block"
DONE = [(0.5, 0.90), (0.8, 0.95), (1.0, 0.952)]
RISING = [(0.5, 0.90), (0.8, 0.95), (1.0, 0.9598)]
METRICS = ("pixel error", "Dice", "boundary F1", "V_rand", "V_info")


def trained(row: str, seed: int = 2, images: str = "em", rising: bool = False, **scores: object) -> Trained:
    """Scores are drawn: rows differ by more than seeds. V_rand = [...] sets those of a metric."""
    level = np.random.default_rng([*map(ord, row + images)]).uniform(0.7, 0.9)
    rng = np.random.default_rng([seed, *map(ord, row + images)])
    places = {SLICES: 5} if images == "em" else {"Montgomery": 4, "Shenzhen": 7}
    values = {
        place: {name: (level + rng.uniform(0, 0.09, count)).round(5).tolist() for name in METRICS}
        for place, count in places.items()
    }
    for name, given in scores.items():
        for place, count in places.items():
            values[place][name.replace("_F1", " F1")] = list(np.broadcast_to(given, count))  # type: ignore[call-overload]
    curve = RISING if rising else DONE
    stages = dict.fromkeys(("encoder.0", "bottleneck", "decoder.0"), (0.5, 0.25))
    cuts = {"pixels": 0.15, "objects": 0.5}
    return Trained(row, images, seed, False, 10, 600.0, cuts, {"cores": "2"}, curve, stages, values)


def every(rising: bool = False, but: Sequence[str] = (), seeds: Sequence[int] = (2,)) -> list[Trained]:
    """All rows of membranes; the main ones with `seeds`."""
    return [
        trained(row.name, seed, rising=rising)
        for row in ROWS
        for seed in (seeds if row.main else (2,))
        if row.name not in but
    ]


def values(found: Sequence[Trained], row: str, metric: str, place: str = SLICES) -> np.ndarray:
    """(seeds, images)"""
    return np.array([one.scores[place][metric] for one in found if one.row == row])


def sentence(said: Sequence[str], start: str) -> str:
    (found,) = [text for text in said if text.startswith(start)]
    return found


def widest(found: Sequence[Trained], metric: str, place: str = SLICES) -> float:
    """The range over the seeds of the row where it is widest."""
    return max(np.ptp(values(found, row, metric, place).mean(axis=1)) for row in {one.row for one in found})


def test_each_change_has_an_idea_and_each_idea_two_rows_that_are_trained() -> None:
    pairs = [{idea.having, idea.lacking} for idea in IDEAS]
    for row in ROWS:
        if row.against:
            assert pairs.count({row.name, row.against}) == 1, row.name
    assert set().union(*pairs) <= {row.name for row in ROWS}
    assert len(ideas(EM, every())) == len(IDEAS) and len(ideas(XRAY, [])) == 2


def test_what_an_idea_brought_is_the_difference_of_its_rows() -> None:
    found = every()
    said = ideas(EM, found)
    for idea in IDEAS:
        told = sentence(said, f"**{idea.name}**:")
        for metric in ("boundary F1", "V_rand"):
            (change,) = values(found, idea.having, metric) - values(found, idea.lacking, metric)
            median = f" (median {np.median(change):+.4f})" if metric == "V_rand" else ""
            gains = (change > 0).sum()
            assert f"{metric} {change.mean():+.4f}{median}, a gain on {gains} of 5" in told
        assert "(one seed of each)" in told and "noise" not in told
    assert "not known" in what_noise_is(EM, found)


def test_with_several_seeds_a_difference_is_measured_by_the_noise_between_them() -> None:
    found = every(seeds=(2, 3, 4))
    said, defined = ideas(EM, found), what_noise_is(EM, found)
    verdicts_found = set()
    for metric in ("boundary F1", "V_rand"):
        chance = widest(found, metric)
        assert f"{chance:.4f} in {metric} (" in defined and "3 seeds)" in defined
        for idea in IDEAS:
            told = sentence(said, f"**{idea.name}**:")
            change = values(found, idea.having, metric).mean() - values(found, idea.lacking, metric).mean()
            after = told.partition(f"{metric} {change:+.4f}")[2].split(", ")[1]
            assert after == ("beyond noise" if abs(change) > chance else "no difference beyond noise"), told
            verdicts_found.add(after)
    assert len(verdicts_found) == 2  # both are tried
    assert "(one seed and 3 seeds)" in sentence(said, "**Skip connections**")
    assert "(3 seeds and one seed)" in sentence(said, "**Residual blocks**")


def test_a_difference_that_hangs_on_one_slice_is_not_beyond_noise() -> None:
    steady = [trained("residual", seed, V_rand=0.9 + seed / 100, boundary_F1=0.8) for seed in (2, 3, 4)]
    even = trained("no-norm-no-skips", V_rand=0.95)
    for torn, word in (
        ([0.5, 0.95, 0.95, 0.95, 0.95], "(median +0.0000), beyond noise in the mean, not in the median"),
        ([0.5, 0.97, 0.98, 0.98, 0.98], "(median +0.0300), beyond noise in the mean, not in the median"),
        ([0.5, 0.90, 0.90, 0.90, 0.95], "(median -0.0500), beyond noise,"),
    ):
        found = [*steady, even, trained("no-norm", V_rand=torn)]
        assert word in sentence(ideas(EM, found), "**Skip connections, without normalisation**")
    torn = [trained("ciresan", V_rand=[0.5, 0.95, 0.95, 0.95, 0.95]), trained("today", V_rand=0.95)]
    told = sentence(goals(EM, [*steady, *torn]), "Today's U-Net ahead of Cireşan 2012, window of 65")
    assert ": beyond noise in the mean, not in the median. 0.950 and 0.860, one seed of each." in told


def test_a_rising_row_with_several_seeds_is_no_measure_of_noise() -> None:
    rising = [trained("residual", seed, rising=seed == 4, boundary_F1=seed / 10) for seed in (2, 3, 4)]
    steady = [trained("ciresan", seed, boundary_F1=0.5 + seed / 100) for seed in (2, 3)]
    assert "0.0100 in boundary F1 (Cireşan 2012, window of 65, 2 seeds)" in what_noise_is(EM, rising + steady)
    assert "not known" in what_noise_is(EM, rising)


def test_nothing_is_concluded_where_all_are_rising_and_all_are_named() -> None:
    found = every(rising=True, but=("no-elastic",))
    said = goals(EM, found)
    assert len(said) == 5 and all("not concluded: " in text and "still rising." in text for text in said)
    assert "every network so far" in said[0] and "every network so far" in said[1]
    for text in ideas(EM, found):
        assert ("not trained yet: Without elastic deformation." in text) or "still rising." in text, text
        assert not re.search(r"[+-]0\.\d{4}", text)
    (named,) = still_rising(found)
    assert named.count("(+0.0098; its own threshold 0.15)") == len(ROWS) - 1
    assert all("not concluded" in text for text in verdicts(found)) and not still_rising(every())
    text = page(found, {})
    assert text.count("not concluded") >= 5 + len(IDEAS) - 2 and "reached." not in text


def test_one_rising_seed_is_enough_and_only_what_rests_on_it_is_left_open() -> None:
    found = [one for one in every(seeds=(2, 3, 4)) if one.row != "ciresan"]
    found += [trained("ciresan", seed, rising=seed == 3) for seed in (2, 3, 4)]
    left_open = "not concluded: Cireşan 2012, window of 65 is still rising."
    assert [left_open in text for text in goals(EM, found)[-3:]] == [False, True, True]
    assert [left_open in text for text in ideas(EM, found)] == ["ciresan" in vars(i).values() for i in IDEAS]


def test_elastic_deformation_is_compared_with_none_once_that_is_trained() -> None:
    missing = every(but=("no-elastic",))
    for told in (sentence(ideas(EM, missing), f"**Elastic deformation{of}**") for of in ("", " of 2015")):
        assert told.endswith("not trained yet: Without elastic deformation.")
    text = page(missing, {})
    assert "Without elastic deformation (seed 2)" in text.partition("## Not trained yet")[2]
    whole = every()
    change = values(whole, "today", "boundary F1").mean() - values(whole, "no-elastic", "boundary F1").mean()
    assert f"boundary F1 {change:+.4f}" in sentence(ideas(EM, whole), "**Elastic deformation**")
    (row,) = [row for row in ROWS if row.name == "no-elastic"]
    (base,) = [row for row in ROWS if row.name == "today"]
    bare, usual = (EM.recipe(one, 2) for one in (row, base))
    assert bare.training.augment == replace(usual.training.augment, elastic=0) and row.seeds == (2,)
    assert usual.training.augment.elastic == 0.5 and not usual.training.augment.elastic_px  # as the notes say
    assert replace(bare.training, augment=usual.training.augment) == usual.training and bare.net == usual.net
    assert not planned(XRAY, row)


@pytest.mark.parametrize("top", [0.955, 0.965])
def test_the_best_network_is_named_with_its_slices_and_how_it_was_picked(top: float) -> None:
    lucky = trained("instance-norm", V_rand=[top + 0.02, top, top, top, top - 0.02], V_info=0.9)
    steady = [trained("residual", seed, V_rand=0.9 + seed / 100) for seed in (2, 3, 4)]
    rising = trained("today", rising=True, V_rand=0.99)
    told = goals(EM, [lucky, *steady, rising])[0]
    assert told == (
        f"V_rand of 0.96 with the best network: {'reached' if top > 0.96 else 'not reached'}. Instance "
        f"normalisation has {top:.3f}, one seed; slices {top - 0.02:.3f} to {top + 0.02:.3f}, median "
        f"{top:.3f}. It is the best of 2 on the test slices themselves, so the figure is flattering. The "
        "best with several seeds is Today's U-Net with residual blocks: 0.930 (0.920 to 0.940)."
    )
    alone = goals(EM, steady)[0]
    assert "has 0.930 (0.920 to 0.940), 3 seeds; slices 0.920 to 0.940, median 0.930." in alone
    assert "with several" not in alone


def test_it_is_said_how_far_one_slice_moves_v_rand() -> None:
    even, torn = (
        trained("today", V_rand=[0.90, 0.92, 0.94, 0.96, 0.98]),
        trained("no-norm", V_rand=[0.50, 0.95, 0.95, 0.95, 0.95]),
    )
    told = sentence(goals(EM, [even, torn]), "V_rand can hang")
    assert "Without normalisation has 0.860, and 0.950 without one of its slices." in told


@pytest.mark.parametrize(
    ("ours", "theirs", "word"),
    [
        ([0.85], [0.80], "reached. 0.850 and 0.800, one seed of each; noise not known."),
        ([0.80], [0.85], "not reached. 0.800 and 0.850, one seed of each; noise not known."),
        ([0.85], [0.79, 0.80, 0.81], "reached. 0.850 and 0.800 (0.790 to 0.810), one seed and 3 seeds."),
        (
            [0.81],
            [0.79, 0.80, 0.81],
            "no difference beyond noise. 0.810 and 0.800 (0.790 to 0.810), one seed and 3 seeds.",
        ),
        ([0.70], [0.79, 0.80, 0.81], "not reached. 0.700 and 0.800 (0.790 to 0.810), one seed and 3 seeds."),
    ],
)
def test_who_is_ahead_depends_on_the_noise(ours: list[float], theirs: list[float], word: str) -> None:
    found = [
        trained(row, seed, boundary_F1=value)
        for row, means in (("today", ours), ("encoder-decoder", theirs))
        for seed, value in enumerate(means, start=2)
    ]
    told = sentence(goals(EM, found), "Today's U-Net ahead of Today's U-Net without skips by boundary F1")
    assert told.endswith(f": {word}")


def test_x_rays_are_concluded_for_each_place() -> None:
    rows = ("today", "encoder-decoder", "residual", "ciresan", "unet-2015")
    found = [trained(row, seed, "xray") for row in rows for seed in ((2,) if row == "today" else (2, 3, 4))]
    told, defined = sentence(ideas(XRAY, found), "**Skip connections**"), what_noise_is(XRAY, found)
    for place, count in (("Montgomery", 4), ("Shenzhen", 7)):
        part = told.partition(f"{place}: ")[2]
        for metric in ("boundary F1", "Dice"):
            one, other = (values(found, row, metric, place).mean(axis=0) for row in rows[:2])
            gains = (one - other > 0).sum()
            assert f"{metric} {(one - other).mean():+.4f}, " in part and f"gain on {gains} of {count}" in part
            assert f"{widest(found, metric, place):.4f} in {metric} on {place} (" in defined
        assert len([text for text in goals(XRAY, found) if text.startswith(f"{place}: ")]) == 2
    assert "V_rand" not in " ".join(ideas(XRAY, found) + goals(XRAY, found))
    assert "### What each idea brought" in page(found, {}) and "### One change" not in page(found, {})


def with_gradients(row: str, first: tuple[float, float], deep: tuple[float, float], seed: int = 2) -> Trained:
    """Of the first stage and the bottleneck, over those of the last stage: early, late."""
    last = (0.5, 0.25)
    stages = {
        name: (last[0] * norms[0], last[1] * norms[1])
        for name, norms in (("encoder.0", first), ("bottleneck", deep), ("decoder.0", (1.0, 1.0)))
    }
    return replace(trained(row, seed), gradients=stages)


@pytest.mark.parametrize(
    ("without", "having", "said"),
    [
        (
            ((0.6, 0.7), (0.3, 0.5)),
            ((1.0, 1.0), (0.2, 0.006)),
            "nothing to cure, for without it at least 0.3 arrives (bottleneck, early); starved: bottleneck, "
            "late (0.5 without, 0.006 with) (one seed of each).",
        ),
        (
            ((0.05, 0.7), (0.3, 0.02)),
            ((0.4, 0.7), (0.3, 0.03)),
            "cured: encoder level 1, early (0.05 without, 0.4 with); not cured: bottleneck, late (0.02 "
            "without, 0.03 with) (one seed of each).",
        ),
        (
            ((0.05, 0.06), (0.3, 0.4)),
            ((0.02, 0.7), (0.3, 0.4)),
            "cured: encoder level 1, late (0.06 without, 0.7 with); not cured: encoder level 1, early (0.05 "
            "without, 0.02 with) (one seed of each).",
        ),
    ],
)
def test_where_gradients_vanish_is_said_stage_by_stage(without: tuple, having: tuple, said: str) -> None:
    found = [with_gradients("no-norm-no-skips", *without), with_gradients("no-norm", *having)]
    told = verdicts(found)
    assert told[0] == f"**Skips, without normalisation**: {said}"
    assert told[1] == (
        "**Skips, with normalisation**: not trained yet: Today's U-Net and Today's U-Net without skips."
    )
    assert told[0] in page(found, {}) and "over all weights of a stage" in page(found, {})


def test_gradients_of_several_seeds_are_averaged_in_table_and_sentence() -> None:
    seeds = [
        with_gradients("encoder-decoder", (deep * 4, 1.0), (deep, 0.05), seed)
        for seed, deep in ((2, 0.2), (3, 0.3), (4, 0.4))
    ]
    found = [*seeds, with_gradients("today", (1.0, 1.0), (0.04, 0.2))]
    told = sentence(verdicts(found), "**Skips, with normalisation**")
    assert told.endswith(
        "cured: bottleneck, late (0.05 without, 0.2 with); starved: bottleneck, early (0.3 without, 0.04 "
        "with) (one seed and 3 seeds)."
    )
    assert "| Today's U-Net without skips | 3 | 1.2 → 1 | 0.3 → 0.05 | 1 → 1 |" in page(found, {})
    rising = [*seeds[:2], replace(seeds[2], curve=RISING), found[-1]]
    assert "not concluded: Today's U-Net without skips is still rising." in " ".join(verdicts(rising))


def test_what_is_not_as_published_has_the_figures_of_networks_and_plan() -> None:
    def count(net: nn.Module) -> str:
        return f"{sum(parameter.numel() for parameter in net.parameters()):,}"

    everything, unet, window, figures = differences()
    recipes = {row.name: EM.recipe(row, 2) for row in ROWS}
    by_descent = {name for name, recipe in recipes.items() if recipe.training.optimiser == "sgd"}
    assert by_descent == {"unet-2015", "2015-no-weights", "2015-64"}
    assert {recipes[name].training.weight_decay for name in set(recipes) - by_descent} == {0.02}
    assert {recipes[name].training.momentum for name in by_descent} == {0.9}
    assert "weight decay of 0.02" in everything and "momentum is 0.9, the usual one, not 0.99" in unet
    with torch.device("meta"):
        ours, published = count(UNet2015(base=16)), count(UNet2015())
        half, largest = count(SlidingWindow(window=95, maps=24, hidden=100)), count(SlidingWindow())
    assert f"{ours} parameters, not {published}" in unet and published == "31,030,593"
    assert f"24 maps and 100 hidden neurons, not 48 and 200; with a window of 95, that makes {half}" in window
    assert f"not {largest}" in window and "foveation" in window and "seven rotations" in figures
    assert {recipe.training.precision for recipe in recipes.values()} == {"bfloat16"}
    assert in_float32() == ["Cireşan 2012, window of 65", "Cireşan 2012, window of 95"]
    assert all(name in everything for name in in_float32())
    assert "1 image of membranes or 8 X-rays" in everything and [one.batch for one in SETS] == [1, 8]
    text = page([], {})
    assert all(f"- {one}" in text for one in differences())


def test_a_row_with_the_network_of_another_has_its_size_but_no_time() -> None:
    table = networks(EM, {"today": Network(1234, 567, 1.0), "no-norm": Network(99, 9, 1.5)})
    assert "| Without elastic deformation | 1,234 | 567 | – |" in table
    assert "| Without normalisation | 99 | 9 | 1.50 × |" in table and "Interpolation" not in table
    assert "Without elastic" not in networks(XRAY, {"today": Network(1234, 567, 1.0)})
