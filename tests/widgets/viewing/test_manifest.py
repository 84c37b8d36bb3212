"""The manifest is what napari expects, and every name in it leads somewhere without torch."""

from __future__ import annotations

import subprocess
import sys
import warnings
from fnmatch import fnmatch
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from npe2 import PluginManifest
from packaging.utils import canonicalize_name

import napari_unet.core
from napari_unet.widgets.review.actions import ACTIONS

NAME = "napari-unet-lung"


@pytest.fixture(scope="module")
def manifest() -> PluginManifest:
    return PluginManifest.from_file(Path(napari_unet.core.__file__).parents[1] / "napari.yaml")


def test_it_is_valid_and_carries_the_distributions_name(manifest):
    assert manifest.name == NAME
    assert manifest.display_name == "U-Net Lung"
    try:
        assert canonicalize_name(distribution(NAME).metadata["Name"]) == NAME
    except PackageNotFoundError:
        pytest.skip("the package is not installed")


def test_command_ids_begin_with_the_name(manifest):
    assert all(command.id.startswith(f"{NAME}.") for command in manifest.contributions.commands)


def test_every_name_leads_somewhere_without_torch(manifest):
    names = [command.python_name for command in manifest.contributions.commands]
    script = f"""
import sys
sys.modules["torch"] = None  # importing it raises ImportError
from importlib import import_module
for name in {names!r}:
    module, attribute = name.split(":")
    assert callable(getattr(import_module(module), attribute)), name
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_readers_claim_dicom_and_nifti_only(manifest):
    claimed = {p for reader in manifest.contributions.readers for p in reader.filename_patterns}
    assert {"*.dcm", "*.dicom", "*.ima", "*.nii", "*.nii.gz"} <= claimed
    others = ("png", "jpg", "jpeg", "tif", "tiff", "ome.tif", "bmp", "gif", "npy", "csv", "zarr", "txt")
    for name in (f"{stem}.{suffix}" for stem in ("a", "chest 1", "IM0001", "1.2.3") for suffix in others):
        assert not any(fnmatch(name, pattern) for pattern in claimed), name


def test_bindings_are_not_left_to_the_manifest(manifest):
    assert not manifest.contributions.keybindings, "napari 0.9 ignores them; see widgets/viewing/keys.py"


def test_the_docks_are_in_the_menus(npe2pm, make_napari_viewer, manifest):
    from napari._app_model import get_app_model

    npe2pm.register(manifest)
    make_napari_viewer()
    menus = get_app_model().menus
    docks = [f"{name} (U-Net Lung)" for name in ("Segment", "Review", "Correct", "Fine-tune", "Finding")]
    inside = "Inside the network (U-Net Lung)"
    for menu, expected in {
        "napari/layers/segment": docks[:1],
        "napari/layers/annotate": docks[1:],
        "napari/layers/visualize": [inside],
        "napari/plugins/napari-unet-lung": [*docks, inside],
    }.items():
        titles = [item.command.title for item in menus.get_menu(menu) if hasattr(item, "command")]
        assert [title for title in titles if "U-Net Lung" in title] == expected, menu


def test_samples_have_a_submenu(npe2pm, make_napari_viewer, manifest):
    from napari._app_model import get_app_model

    npe2pm.register(manifest)
    make_napari_viewer()
    (submenu,) = (
        item.submenu
        for item in get_app_model().menus.get_menu("napari/file/samples")
        if getattr(item, "title", "") == "U-Net Lung"
    )
    titles = [item.command.title for item in get_app_model().menus.get_menu(submenu)]
    assert titles == [
        *(f"Chest X-ray {n} (PA)" for n in (1, 2, 3, 4)),
        "Chest CT (4 mm) with lung mask",
        "Chest CT LIDC-IDRI-1011 (4 mm)",
    ]


def test_the_preferences_page(npe2pm, manifest):
    from napari.settings._plugin_config_generator import plugin_configuration_generator

    npe2pm.register(manifest)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*protected namespace.*")
        page = plugin_configuration_generator(npe2pm)[NAME]
    chosen = page.model_fields["segmentation"].annotation()
    assert (chosen.device, chosen.library_folder, chosen.threads) == ("auto", "", 0)
    keys = page.model_fields["review"].annotation()
    assert {f"key_{action.name}": action.key for action in ACTIONS} == {
        name: getattr(keys, name) for name in type(keys).model_fields
    }
    with pytest.raises(ValueError, match="enum"):
        chosen.device = "tpu"
