"""Two programs that write into one place: the second gets an error, and takes nothing from the first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from napari_unet.core.errors import UserError
from napari_unet.io.alone import writing_alone
from napari_unet.review.exporting.folder import new_folder

EXPORT = """
import sys
from pathlib import Path
from napari_unet.review.exporting.folder import new_folder
with new_folder(Path(sys.argv[1])) as partial:
    (partial / "mask.png").write_text("of the first")
    print("begun", flush=True)
    input()
"""


def test_a_second_export_to_one_place_leaves_the_first_alone(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    target = tmp_path / "out"
    with subprocess.Popen(
        [sys.executable, "-c", EXPORT, str(target)], stdin=pipe, stdout=pipe, text=True
    ) as first:
        assert first.stdout is not None and first.stdout.readline() == "begun\n"
        with pytest.raises(UserError, match="Another program is writing"), new_folder(target):
            pass
        first.communicate("\n")
    assert (target / "mask.png").read_text() == "of the first"


def test_a_killed_program_holds_nothing(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    target = tmp_path / "out"
    with subprocess.Popen(
        [sys.executable, "-c", EXPORT, str(target)], stdin=pipe, stdout=pipe, text=True
    ) as first:
        assert first.stdout is not None and first.stdout.readline() == "begun\n"
        first.kill()
    with new_folder(target) as partial:
        assert not list(partial.iterdir())
        (partial / "mask.png").write_text("of the second")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_one_place_under_two_names_is_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with writing_alone(tmp_path / "a"):
        with writing_alone(tmp_path / "b"):
            pass
        with pytest.raises(UserError, match="Another program"), writing_alone(tmp_path / "link" / "a"):
            pass
    with writing_alone(tmp_path / "link" / "a"):
        pass


def test_nothing_is_warned_of_where_the_system_has_no_folder_for_locks(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"}
    code = """if True:
        import sys
        from pathlib import Path
        from napari_unet.io.alone import writing_alone
        with writing_alone(Path(sys.argv[1])):
            print("alone")
    """
    command = [sys.executable, "-W", "always", "-c", code, str(tmp_path / "a")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("alone\n", "")
