"""What README and docs say must be so: links, pictures, commands, options, columns, keys, model pages."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer
import yaml
from PIL import Image
from typer.testing import CliRunner

from napari_unet.cli import evaluate_cmd, report
from napari_unet.cli.main import app
from napari_unet.core.checks import INVERTED, SITUS, UNLIKE, Code
from napari_unet.core.input_check import LARGEST, SMALLEST, ShapePrior
from napari_unet.training.recipe import read_recipe

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]
OURS = re.compile(
    r"https://(?:github\.com/napari-unet-lung/napari-unet-lung/blob|"
    r"raw\.githubusercontent\.com/napari-unet-lung/napari-unet-lung)/main/"
)


def links(page: Path) -> list[str]:
    prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", prose)


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the tables under a heading, without their head lines and backticks."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    below = re.split(r"^#+ ", text.split(f"# {heading}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]
    cells = [line.strip("| ").split(" | ") for line in below.splitlines() if line.startswith("|")]
    rule = [n for n, row in enumerate(cells) if set("".join(row)) <= set("-|")]
    heads = {n - 1 for n in rule} | set(rule)
    return [[cell.strip() for cell in row] for n, row in enumerate(cells) if n not in heads]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        if OURS.match(path):
            target = ROOT / OURS.sub("", path)
        elif re.match(r"https?:", path):
            continue
        else:
            assert page != README or not path, f"the hub needs absolute addresses: {link}"
            target = (page.parent / path).resolve() if path else page
        assert target.is_file(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}, link


def test_the_site_is_built_and_no_link_or_anchor_in_it_is_broken(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "site" / "api" / "index.html").read_text(encoding="utf-8")
    for name in ("napari_unet.segment", "napari_unet.review.store.ReviewProject", "row_direction"):
        assert name in page


def test_pictures_are_real_and_small() -> None:
    shown = [link for page in PAGES for link in links(page) if link.endswith(".png")]
    assert len({link for link in shown if OURS.match(link)}) >= 3, "three pictures in the README"
    for path in (ROOT / "docs").rglob("*.png"):
        assert path.stat().st_size < 400_000, path.name
        with Image.open(path) as picture:
            assert path.parent.name != "images" or picture.size == (1366, 768), path.name
        assert any(link.endswith(f"/{path.name}") for link in shown), f"{path.name} is not shown anywhere"


def shown_commands() -> list[str]:
    blocks = [
        block
        for page in PAGES
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    ]
    lines = [line for block in blocks for line in block.splitlines()]
    return sorted({line for line in lines if line.startswith("napari-unet-lung ")})


@pytest.mark.parametrize("line", shown_commands())
def test_commands_parse(line: str) -> None:
    result = CliRunner().invoke(app, [*shlex.split(line)[1:], "--help"])
    assert result.exit_code == 0, result.output


def test_the_two_commands_stand_on_the_first_screen() -> None:
    first_screen = README.read_text(encoding="utf-8").splitlines()[:25]
    assert {"make demo", "make test"} <= set(first_screen)
    targets = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in ("demo", "test", "screenshots", "docs", "bench"):
        assert re.search(rf"^{name}:", targets, re.MULTILINE), name


def extras() -> dict[str, list[str]]:
    found: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
        "optional-dependencies"
    ]
    return found


def test_extras_that_are_named_are_there() -> None:
    named = {
        extra
        for page in PAGES
        for group in re.findall(r"napari-unet-lung\[([\w,-]+)\]", page.read_text("utf-8"))
        for extra in group.split(",")
    }
    assert {"all", "pyqt6"} <= named <= set(extras())


def test_pyqt5_comes_with_all_and_pyqt6_is_one_line_away() -> None:
    brings = {name: " ".join(requirements).lower() for name, requirements in extras().items()}
    assert "[pyqt5]" in brings["all"] and "napari>=" in brings["all"] and "pyqt6" not in brings["all"]
    assert "pyqt5>=" in brings["pyqt5"] and "pyqt6>=" in brings["pyqt6"] and "pyqt5" not in brings["pyqt6"]
    lines = re.findall(r"`(pip [^`]*pyqt6[^`]*)`", README.read_text("utf-8"))
    assert any("uninstall -y PyQt5 && pip install" in line for line in lines), "from PyQt5 to PyQt6"
    assert any(line.startswith("pip install napari ") for line in lines), "in a new environment"


def test_the_line_that_napari_says_of_pyqt5_is_explained() -> None:
    """As this napari says it, where it does; the docks close it by its beginning."""
    found = importlib.util.find_spec("napari")
    if found is None or found.origin is None:
        pytest.skip("napari is not installed")
    from napari_unet.widgets.napari_compat.window import _PYQT5_NOTE

    source = (Path(found.origin).parent / "_qt" / "qt_main_window.py").read_text("utf-8")
    (said,) = re.findall(r"'(napari support for the PyQt5[^']*)'", source) or [_PYQT5_NOTE]
    assert said.startswith(_PYQT5_NOTE)
    assert said in " ".join(README.read_text("utf-8").split())


def test_options_of_segment() -> None:
    names = [row[0] for row in rows("command-line.md", "segment")]
    documented = {option for name in names for option in re.findall(r"`(--?[\w-]+)`", name)}
    group = typer.main.get_command(app)
    real = {option for parameter in group.commands["segment"].params for option in parameter.opts}
    assert documented == {option for option in real if option.startswith("-")} - {"--help"}


def test_options_of_review_add() -> None:
    documented = {row[0].strip("`") for row in rows("command-line.md", "Options of review add")}
    group = typer.main.get_command(app).commands["review"]
    real = {option for parameter in group.commands["add"].params for option in parameter.opts}
    assert documented == {option for option in real if option.startswith("-")} - {"--help"}
    commands = {row[0].split()[1] for row in rows("command-line.md", "review")}
    assert commands == set(group.commands)


def test_columns_and_codes() -> None:
    documented = [row[0].strip("`") for row in rows("command-line.md", "Columns of report.csv")]
    assert documented == list(report.COLUMNS)
    codes = [UNLIKE, INVERTED, SITUS, *Code]
    assert [row[0].strip("`") for row in rows("command-line.md", "Codes in `checks`")] == codes
    text = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    assert "Columns: " + ", ".join(f"`{name}`" for name in evaluate_cmd.COLUMNS) in text


def test_the_recipes_that_are_shown_are_recipes(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    recipe, sources, findings = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe, encoding="utf-8")
    assert read_recipe(path).data[0].manifest is None
    path.write_text(yaml.safe_dump(yaml.safe_load(recipe) | yaml.safe_load(sources)), encoding="utf-8")
    assert len(read_recipe(path).data) == 2
    whole = yaml.safe_load(recipe) | {"data": {"folder": "/data/pictures"}} | yaml.safe_load(findings)
    path.write_text(yaml.safe_dump(whole | {"net": {"kind": "alexnet"}}), encoding="utf-8")
    (finding,) = read_recipe(path).findings
    assert finding.name == "pneumonia" and finding.values == ("bacteria", "virus")


def test_mouse_and_keys() -> None:
    pytest.importorskip("napari")
    from napari_unet.widgets.review.actions import ACTIONS
    from napari_unet.widgets.viewing import HINTS

    gestures = {hint.gesture for hint in HINTS}
    assert rows("segment.md", "Mouse and keys") == [[hint.gesture, hint.does] for hint in HINTS]
    named = {key for page in PAGES for key in re.findall(r"<kbd>(.*?)</kbd>", page.read_text("utf-8"))}
    assert named <= gestures | {action.key for action in ACTIONS}
    assert {gesture for gesture in gestures if len(gesture) == 1} <= named, "the tutorial leaves one out"


def test_the_keyboard_card() -> None:
    pytest.importorskip("napari")
    from napari_unet.widgets.correct import KEYS
    from napari_unet.widgets.review.actions import ACTIONS, REASON_KEYS
    from napari_unet.widgets.viewing import HINTS

    assert rows("keyboard.md", "Review") == [[action.key, action.title] for action in ACTIONS]
    reasons = [[key, reason.value] for key, reason in REASON_KEYS.items()]
    assert rows("keyboard.md", "After R") == [*reasons, ["Esc", "do not reject"]]
    assert rows("keyboard.md", "Correct") == [list(key) for key in KEYS]
    assert [row[0] for row in rows("correct.md", "Keys")] == [keys for keys, _ in KEYS]
    assert rows("keyboard.md", "Image") == [[hint.gesture, hint.does] for hint in HINTS]


def test_the_tutorial_of_review() -> None:
    pytest.importorskip("napari")
    from napari_unet.widgets.review.actions import ACTIONS, REASON_KEYS

    text = (ROOT / "docs" / "review.md").read_text(encoding="utf-8")
    keys = {action.name: action.key for action in ACTIONS}
    pressed = [row[1].split(",")[0] for row in rows("review.md", "3. Decide")]
    assert pressed == [
        keys[name] if name else "–" for name in ("accept", "", "reject", "second_look", "take_back")
    ]
    for key, reason in REASON_KEYS.items():
        assert f"{key} {reason.value}" in text
    for name, does in (("display", "draws the mask"), ("probability", "shows what"), ("flip", "flips")):
        assert f"{keys[name]} {does}" in text


def test_the_tutorial_of_the_lineage() -> None:
    """A section for each stop of the tour, keys of the dock, and no figure that lineage.md has not."""
    pytest.importorskip("napari")
    from benchmarks.lineage.plan import ROWS as NETWORKS
    from napari_unet.tour.stops import TOUR
    from napari_unet.widgets.explore.dock import KEYS

    text = (ROOT / "docs" / "lineage-tutorial.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (\d+)\. ", text, re.MULTILINE)
    assert headings == [str(stop.number) for stop in TOUR]
    pressed = set(re.findall(r"Alt\+[→←\w]", text))
    signs = {"Right": "→", "Left": "←"}
    assert pressed == {f"Alt+{signs.get(key.split('+')[1], key.split('+')[1])}" for key in KEYS}
    measured = (ROOT / "docs" / "lineage.md").read_text(encoding="utf-8")
    figures = re.findall(r"\d+,\d+|\d+\.\d+ (?:×|s\b|%)|0\.\d{3,}", text)
    counted = {"253,440", "290,400"}  # neurons of AlexNet: tests/nets/test_alexnet.py
    assert figures and all(figure in measured for figure in set(figures) - counted)
    titles = {row.title: row.name for row in NETWORKS}
    learned = {titles[row[0]]: int(row[1].replace(",", "")) for row in rows("lineage.md", "The networks")}
    window, unet = (learned[name] for name in ("ciresan", "today"))
    assert f"{unet / window:.0f} times as many parameters" in text


def test_limits_of_the_input_check() -> None:
    text = (ROOT / "docs" / "input-gate.md").read_text(encoding="utf-8")
    prior = ShapePrior(((1.0,),))
    assert f"under {SMALLEST} or over {LARGEST:,} pixels" in text
    assert f"Under {prior.flag:g} the image is\nflagged, under {prior.refuse:g} it is refused" in text


def test_menus_are_those_of_the_manifest() -> None:
    manifest = yaml.safe_load((ROOT / "napari_unet" / "napari.yaml").read_text(encoding="utf-8"))
    contributions = manifest["contributions"]
    segment = next(dock["display_name"] for dock in contributions["widgets"])
    samples = {
        f"File ▸ Open Sample ▸ {manifest['display_name']} ▸ {s['display_name']}"
        for s in contributions["sample_data"]
    }
    text = README.read_text(encoding="utf-8")
    name = manifest["display_name"]
    assert f"Plugins ▸ {name} ▸ {segment} ({name})" in text
    assert any(sample in text for sample in samples)


def test_model_pages_are_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("model_pages", ROOT / "scripts" / "model_pages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pages = module.pages()
    assert pages, "no model is shipped"
    for path, text in pages.items():
        assert path.read_text(encoding="utf-8") == text, f"run `make docs`: {path.name} is not its card"


def test_who_opens_a_segmentation_is_what_tests_show() -> None:
    """The table is that of tests/who_opens.py, and the tests behind it are there and look at what is said."""
    import who_opens

    assert who_opens.table() in (ROOT / "docs" / "dicom-seg.md").read_text(encoding="utf-8")
    for program, cells in who_opens.ROWS:
        for words, tests in cells:
            assert words and tests, program
            for test in tests:
                file, _, name = test.partition("::")
                text = (ROOT / "tests" / file).read_text(encoding="utf-8")
                assert f"def {name}(" in text, test
