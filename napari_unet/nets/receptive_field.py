"""On which pixels of the image the maps of a network depend: the theoretical receptive field."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from torch import Tensor
from torch.overrides import TorchFunctionMode

Spans = np.ndarray
"""int (n, 2): of each position along the last axis of a map the first and the last pixel it depends on."""


class Dependence(TorchFunctionMode):
    """Follows, while it is entered, along the last axis which pixels of `image` each map depends on.

    That is the theoretical receptive field (Luo et al. 2016, "Understanding the Effective Receptive Field in
    Deep Convolutional Neural Networks", section 2), exact to the pixel. Convolutions, poolings, resizing,
    cropping and what treats each position by itself are followed; of anything else every position depends on
    all that its inputs depend on. No values are read: the tensors may be on torch's device "meta".
    """

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        at = np.arange(image.shape[-1])
        self._spans: dict[int, tuple[Tensor, Spans]] = {id(image): (image, np.stack([at, at], axis=1))}
        self._length = image.shape[-1]

    def field(self, found: Tensor) -> int | None:
        """Pixels of a side that a position depends on at most; None if one depends on all of the image."""
        spans = self.spans(found)
        widest = int((spans[:, 1] - spans[:, 0]).max()) + 1
        return None if widest >= self._length else widest

    def spans(self, found: Tensor) -> Spans:
        """What each position of a map depends on."""
        spans = self._spans_of(found)
        assert spans is not None, "a map that does not come from the image"
        return spans

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Does what was asked for, and notes what the result depends on."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        tensors = _tensors([*args, *kwargs.values()])
        inputs = [spans for one in tensors if (spans := self._spans_of(one)) is not None]
        follow: Callable[..., Spans | None] = _RULES.get(getattr(func, "__name__", ""), _each_by_itself)
        for out in _tensors([result]) if inputs else ():
            spans = follow(inputs, out, args, kwargs)
            self._spans[id(out)] = (out, _everything(inputs, out) if spans is None else spans)
        return result

    def _spans_of(self, tensor: Tensor) -> Spans | None:
        known = self._spans.get(id(tensor))  # which keeps the tensor, so that no other gets its id
        return None if known is None else known[1]


def _given(names: str, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a function by name; names : of the positional ones, in their order."""
    return dict(zip(names.split(), args, strict=False)) | kwargs


def _tensors(values: Sequence[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def _everything(inputs: list[Spans], out: Tensor, *_: Any) -> Spans:
    first = min(int(spans[:, 0].min()) for spans in inputs)
    last = max(int(spans[:, 1].max()) for spans in inputs)
    return np.tile([first, last], (out.shape[-1] if out.ndim else 1, 1))


def _each_by_itself(inputs: list[Spans], out: Tensor, *_: Any) -> Spans | None:
    """Also of several inputs, such as a sum or channels beside channels."""
    length = out.shape[-1] if out.ndim else 0
    if any(len(spans) != length for spans in inputs):
        return None
    return np.stack(
        [np.min([s[:, 0] for s in inputs], axis=0), np.max([s[:, 1] for s in inputs], axis=0)], axis=1
    )


def _cropped(inputs: list[Spans], out: Tensor, args: Sequence[Any], _: dict[str, Any]) -> Spans | None:
    at = args[1] if isinstance(args[1], tuple) else (args[1],)
    reaches = len(at) == args[0].ndim or Ellipsis in at[:-1]
    if not reaches:
        return inputs[0] if out.ndim and out.shape[-1] == len(inputs[0]) else None
    return inputs[0][at[-1]] if isinstance(at[-1], slice) else None


def _windows(
    inputs: list[Spans], out: Tensor, kernel: int, stride: int, padding: int, dilation: int
) -> Spans:
    """Of a window that is moved along: position o reads o · stride - padding + tap · dilation."""
    taps = np.arange(out.shape[-1])[:, None] * stride - padding + np.arange(kernel) * dilation
    return _hull(inputs[0], taps, (taps >= 0) & (taps < len(inputs[0])))


def _convolved(inputs: list[Spans], out: Tensor, args: Sequence[Any], kwargs: dict[str, Any]) -> Spans:
    given = _given("input weight bias stride padding dilation", args, kwargs)
    kernel, dilation = given["weight"].shape[-1], _last(given.get("dilation", 1))
    padding = given.get("padding", 0)
    if isinstance(padding, str):
        padding = (kernel - 1) * dilation // 2 if padding == "same" else 0
    return _windows(inputs, out, kernel, _last(given.get("stride", 1)), _last(padding), dilation)


def _pooled(inputs: list[Spans], out: Tensor, args: Sequence[Any], kwargs: dict[str, Any]) -> Spans:
    given = _given("input kernel_size stride padding dilation", args, kwargs)
    kernel = _last(given["kernel_size"])
    stride = kernel if given.get("stride") in (None, ()) else _last(given["stride"])
    dilation = given.get("dilation", 1)
    return _windows(inputs, out, kernel, stride, _last(given.get("padding", 0)), _last(dilation))


def _transposed(inputs: list[Spans], out: Tensor, args: Sequence[Any], kwargs: dict[str, Any]) -> Spans:
    given = _given("input weight bias stride padding output_padding groups dilation", args, kwargs)
    stride, padding = _last(given.get("stride", 1)), _last(given.get("padding", 0))
    taps = np.arange(given["weight"].shape[-1]) * _last(given.get("dilation", 1))
    from_where = np.arange(out.shape[-1])[:, None] + padding - taps
    at = from_where // stride
    return _hull(inputs[0], at, (from_where % stride == 0) & (at >= 0) & (at < len(inputs[0])))


def _resized(inputs: list[Spans], out: Tensor, args: Sequence[Any], kwargs: dict[str, Any]) -> Spans | None:
    given = _given("input size scale_factor mode align_corners", args, kwargs)
    before, after = len(inputs[0]), out.shape[-1]
    mode = given.get("mode", "nearest")
    if mode == "nearest":
        return inputs[0][np.arange(after) * before // after]
    if mode not in ("linear", "bilinear", "trilinear") or given.get("antialias"):
        return None
    if given.get("align_corners"):
        at = np.arange(after) * (before - 1) / max(1, after - 1)
    else:
        at = ((np.arange(after) + 0.5) * before / after - 0.5).clip(0)
    first = np.floor(at).astype(int)
    pair = np.stack([first, np.minimum(first + 1, before - 1)], axis=1)
    return _hull(inputs[0], pair, np.stack([at < first + 1, at > first], axis=1))


def _hull(spans: Spans, at: np.ndarray, read: np.ndarray) -> Spans:
    """Of each row of positions `at`, of which those that are `read` count; one that reads none is empty."""
    safe = at.clip(0, len(spans) - 1)
    largest = np.iinfo(spans.dtype).max
    first = np.where(read, spans[safe, 0], largest).min(axis=1)
    last = np.where(read, spans[safe, 1], -1).max(axis=1)
    return np.stack([np.where(last < 0, 0, first), np.where(last < 0, -1, last)], axis=1)


def _last(value: Any) -> int:
    return int(value[-1] if isinstance(value, list | tuple) else value)


_RULES: dict[str, Callable[..., Spans | None]] = {
    "__getitem__": _cropped,
    "interpolate": _resized,
    **dict.fromkeys(("conv2d", "conv3d"), _convolved),
    **dict.fromkeys(("conv_transpose2d", "conv_transpose3d"), _transposed),
    **dict.fromkeys(("max_pool2d", "max_pool3d", "avg_pool2d", "avg_pool3d"), _pooled),
    **dict.fromkeys(
        ("instance_norm", "group_norm", "layer_norm", "softmax", "matmul", "scaled_dot_product_attention"),
        _everything,
    ),
}
"""By the names of torch's functions."""
