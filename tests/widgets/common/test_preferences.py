"""The settings page: what the manifest names is what the docks read."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

import pytest
from npe2 import PluginManifest

from napari_unet.widgets.common.preferences import Preferences, preferences


@pytest.fixture
def chosen(monkeypatch):
    """The settings as napari gives them, with the manifest's defaults."""
    manifest = PluginManifest.from_file(str(files("napari_unet") / "napari.yaml"))
    pages = {
        key: SimpleNamespace(**{name: prop.default for name, prop in page.properties.items()})
        for key, page in manifest.contributions.configurations.items()
    }
    settings = {manifest.name: SimpleNamespace(**pages)}
    monkeypatch.setattr("napari.settings.get_plugin_settings", settings.__getitem__)
    return pages["segmentation"]


def test_defaults(chosen):
    assert preferences() == Preferences(device="auto", models=None, threads=None)


def test_choices(chosen):
    chosen.device, chosen.library_folder, chosen.threads = "cpu", " ~/models ", 3
    assert preferences() == Preferences("cpu", Path.home() / "models", 3)


def test_without_an_installed_manifest():
    assert preferences() == Preferences()
