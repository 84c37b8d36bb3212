"""`models list` and `models show`: whatever the width, nothing is cut."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from rich.console import Console

from napari_unet.cli import console, models_cmd
from napari_unet.core.errors import UserError
from napari_unet.models.card import ModelCard
from napari_unet.models.folder import CARD_FILE

_NAME = "cxr-lung-" + "-".join(["montgomery", "shenzhen", "covid", "paediatric"])
_TITLE = "Lung fields of children and adults in frontal chest X-rays, standing or supine, of three hospitals"
_PROTOCOL = "The visible lung fields; the heart, the mediastinum and what lies below the diaphragm are not."


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one model, whose name and texts are long."""
    (tmp_path / _NAME).mkdir()
    card = ModelCard(name=_NAME, title=_TITLE, protocol=_PROTOCOL, use=_TITLE)
    (tmp_path / _NAME / CARD_FILE).write_text(card.model_dump_json())
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("columns", ["20", "80", "200"])
def test_in_a_pipe_each_model_is_one_whole_line(
    run: Callable[..., Result], library: Path, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    (line,) = (line for line in run("models", "list").stdout.splitlines() if _NAME in line)
    assert _TITLE in line and _PROTOCOL in line and str(library / _NAME) in line
    assert "…" not in run("models", "show", _NAME).stdout


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_in_a_narrow_terminal_words_are_wrapped_and_not_cut(
    run: Callable[..., Result], library: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    for command in (("list",), ("show", _NAME)):
        written = io.StringIO()
        terminal = Console(file=written, force_terminal=True, width=width, soft_wrap=True, color_system=None)
        monkeypatch.setattr(console, "stdout", terminal)
        monkeypatch.setattr(models_cmd, "stdout", terminal)
        assert run("models", *command).exit_code == 0
        text = written.getvalue()
        assert "…" not in text
        assert max(map(len, text.splitlines())) <= width
        rows = [re.split("[│┃]", line) for line in text.splitlines() if "│" in line]
        tables = [[row for row in rows if len(row) == count] for count in {len(row) for row in rows}]
        columns = [column for table in tables for column in zip(*table, strict=True)]
        read = ["".join(cell.strip() for cell in column) for column in columns]
        for whole in (_NAME, _TITLE, _PROTOCOL):
            assert any(whole.replace(" ", "") in cell.replace(" ", "") for cell in read), whole


def test_the_network_is_drawn_stage_by_stage(run: Callable[..., Result], library: Path) -> None:
    """The card's default: a U-Net of base 64 and depth 4, for an image of any size."""
    shown = run("models", "show", _NAME).stdout
    assert "31,036,481 parameters" in shown and "512 × 512 pixels" in shown
    (deepest,) = (line for line in shown.splitlines() if "bottleneck" in line)
    assert all(words in deepest for words in ("32 × 32", "1024", "140 pixels"))


def test_a_network_that_cannot_be_made_is_an_error(run: Callable[..., Result], library: Path) -> None:
    card = ModelCard(name="odd", title=_TITLE, net={"kind": "unet", "arguments": {"base": -1}})
    (library / "odd").mkdir()
    (library / "odd" / CARD_FILE).write_text(card.model_dump_json())
    problem = run("models", "show", "odd").exception
    assert isinstance(problem, UserError) and "The network unet cannot be made" in problem.problem
