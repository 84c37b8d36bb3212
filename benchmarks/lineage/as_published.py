"""In what the networks of docs/lineage.md, and how they are trained, differ from their papers."""

from __future__ import annotations

from functools import cache

from benchmarks.lineage.compare import NAMED, title
from benchmarks.lineage.plan import ROWS, SETS
from napari_unet.core.wording import counted, listed
from napari_unet.models.card import NetSpec
from napari_unet.models.checkpoint import bare_net
from napari_unet.nets.ciresan import SlidingWindow
from napari_unet.nets.stages import parameters_of
from napari_unet.training.precision import FLOAT32, step_precision
from napari_unet.training.recipe import Recipe


@cache  # the page is written after each training
def differences() -> tuple[str, ...]:
    """An item for each paper, with the figures of the plan."""
    return _of_all(), _of_2015(), _of_2012(), _OF_FIGURES


_OF_FIGURES = (
    "**The published figures** are not of one network and one look at the image, as ours are: Cireşan's are "
    "of several networks, averaged, and the U-Net's of seven rotations, averaged. Both learned from all 30 "
    "slices of the block, ours from those that test, validation and the slice between leave."
)


def _of_all() -> str:
    one, several = (images.batch for images in SETS)
    return (
        "**All networks** learn by one recipe, whatever their paper says. The learning rate rises over the "
        "first fifth of the steps, then falls (one cycle). All but the U-Net of 2015, which learns by "
        "gradient descent with momentum, learn by AdamW, with a weight decay of "
        f"{_recipe('today').training.weight_decay}. Gradients are cut to a norm of 1. What is kept, in half "
        "precision, is a running mean of the weights, from the epoch with the best Dice on validation "
        "images, as they are and under simulated shifts. Samples are zoomed, sheared, turned, mirrored and, "
        "but for one row, bent. Contrast, exposure, texture, sharpness and noise change too; X-rays are "
        f"also cropped, and get drawn opacities, fluid and covered parts. A step has {counted(one, 'image')} "
        f"of membranes or {several} X-rays. Steps are in bfloat16; on a processor, those of "
        f"{listed(in_float32())} are in float32."
    )


def _of_2015() -> str:
    recipe = _recipe("unet-2015")
    return (
        f"**U-Net 2015** begins with {recipe.net.arguments['base']} maps, not 64, and has "
        f"{_count(recipe.net)} parameters, not {_count(NetSpec(kind='unet-2015'))}. Its momentum is "
        f"{recipe.training.momentum}, the usual one, not 0.99. Its first layer begins as if images had mean "
        "0 and variance 1. As published are no padding, mirrored borders, dropout, the other weights at the "
        "beginning, the weight map and the elastic deformation."
    )


def _of_2012() -> str:
    recipe, published = _recipe("ciresan-95"), SlidingWindow()
    maps, hidden = recipe.net.arguments["maps"], recipe.net.arguments["hidden"]
    return (
        f"**Cireşan 2012** has no foveation and no non-uniform sampling of its window. It has {maps} maps "
        f"and {hidden} hidden neurons, not {published.hidden.in_channels} and "
        f"{published.hidden.out_channels}; with a window of 95, that makes {_count(recipe.net)} parameters, "
        f"not {parameters_of(published):,}. The layers of the window of 65 are ours, for the paper has no "
        "table of them, and so is the activation, a scaled hyperbolic tangent, for it names none. It learns "
        "by AdamW, not by plain gradient descent, and for minutes, not days. All windows of an image are in "
        "one step, as many of each class."
    )


def in_float32() -> list[str]:
    """Networks whose steps are in float32 on a processor: in bfloat16 they fail."""
    recipes = {row.name: _recipe(row.name) for row in ROWS}
    return [
        title(name)
        for name, recipe in recipes.items()
        if step_precision(bare_net(recipe.net), recipe.training.precision, "cpu") == FLOAT32
    ]


def _recipe(name: str) -> Recipe:
    images = SETS[0]
    return images.recipe(NAMED[name], NAMED[name].seeds[0])


def _count(spec: NetSpec) -> str:
    return f"{parameters_of(bare_net(spec)):,}"
