"""Who may take part: workers with the same program, the same models and the same PyTorch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from napari_unet.core.errors import UserError

if TYPE_CHECKING:
    from distributed import Client

_OURS = "napari-unet-lung"
_CHECKED = ("python", _OURS, "torch", "distributed")


def check_workers(
    client: Client,
    made_by: Callable[[], Mapping[str, Any]],
    here: Mapping[str, Any],
    gpu: Callable[[], str],
) -> str:
    """The backend of the workers, such as "torch 2.13.0 on cuda", if all may take part.

    made_by : what makes results on a worker: its "program", "models" and "backend". here : program and models
    of this computer. gpu : which GPU a worker has, "" if none. Raises UserError if a
    worker would make other results, or if two of them share a GPU.
    """
    found = client.get_versions(packages=[_OURS, "torch"])
    ours = found["client"]["packages"]
    for address, one in found["workers"].items():
        for package in _CHECKED:
            theirs = one["packages"].get(package)
            if _plain(theirs, package) != _plain(ours[package], package):
                raise _other(address, package, theirs, ours[package])
    backends = set()
    for address, theirs in client.run(made_by, on_error="return").items():
        if isinstance(theirs, UserError):
            raise UserError(f"Worker {address}: {theirs.problem}", _same_models(theirs.remedy))
        if isinstance(theirs, BaseException):
            raise UserError(
                f"Worker {address} cannot work with this program ({type(theirs).__name__}: {theirs}).",
                "Install the same napari-unet-lung[cluster] on it.",
            )
        if theirs["program"] != here["program"]:
            raise _other(address, _OURS, theirs["program"], here["program"])
        if list(theirs["models"]) != list(here["models"]):
            raise UserError(f"Worker {address} has another version of the model.", _same_models())
        backends.add(theirs["backend"])
    _one_each(client, gpu)
    return ", ".join(sorted(backends))


def _one_each(client: Client, gpu: Callable[[], str]) -> None:
    shared = Counter(one for one in client.run(gpu).values() if one)
    if shared and (most := shared.most_common(1)[0])[1] > 1:
        raise UserError(
            f"{most[1]} workers share one GPU.",
            "Start one for each, with CUDA_VISIBLE_DEVICES=0, 1, ... and as many threads as you like.",
        )


def _plain(version: str | None, package: str) -> str | None:
    """Without what does not matter: +cpu or +cu128 of torch, the last part of Python's."""
    if version is None:
        return None
    return ".".join(version.split(".")[:2]) if package == "python" else version.split("+")[0]


def _other(address: str, package: str, theirs: str | None, ours: str | None) -> UserError:
    there = f"has {package} {theirs}" if theirs else f"has no {package}"
    return UserError(
        f"Worker {address} {there}; here it is {ours}.",
        f"Install the same on both: pip install '{package}=={ours}'."
        if package != "python"
        else "Use the same Python on both.",
    )


def _same_models(remedy: str = "") -> str:
    return (
        f"{remedy} Import the same model there, with `models import`, or let NAPARI_UNET_MODELS name a "
        "folder that all can read."
    ).strip()
