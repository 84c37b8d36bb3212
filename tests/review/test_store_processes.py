"""The store in fresh processes: without torch and Qt, several at once, migrating at once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from project_fakes import lungs, project_with, result_of

from napari_unet.review.store import ReviewProject

_WITHOUT_TORCH = """
import sys
sys.modules.update(dict.fromkeys(("torch", "qtpy", "PyQt5", "PyQt6", "napari")))  # importing them raises
from pathlib import Path
import numpy as np
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Author, AuthorKind, NewCase, Status

with ReviewProject.create(Path(sys.argv[1]), "heart left out") as project:
    [(case, _)] = project.add([NewCase("/images/a.png")], "Ann")
    project.begin(case, "Ann")
    project.add_revision(case, np.ones((4, 5), np.uint8), Author(AuthorKind.FILE, "masks"))
    print(project.decide(case, Status.ACCEPTED, "Ann").status)
"""

_WRITER = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from project_fakes import ANN, NewCase, ReviewProject, lungs

number = int(sys.argv[3])
with ReviewProject.open(Path(sys.argv[2])) as project:
    ids = [case.id for case in project.cases()]
    for step in range(10):
        labels = lungs()
        labels[0, :2] = [number, step]
        project.add_revision(ids[step % 2], labels, ANN)
        project.add([NewCase(f"/images/{step}.png")], "Ann")
"""


def _start(code: str, *arguments: object) -> subprocess.Popen:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_case_is_accepted_where_torch_and_qt_cannot_be_imported(tmp_path):
    told, errors = _start(_WITHOUT_TORCH, tmp_path / "p").communicate(timeout=120)
    assert (told.strip(), errors) == ("accepted", "")


def test_several_programs_at_once_lose_nothing_and_disorder_nothing(tmp_path):
    project, ids = project_with(tmp_path, 2)
    here = Path(__file__).parent
    programs = [_start(_WRITER, here, project.folder, number) for number in range(1, 4)]
    assert [program.communicate(timeout=120)[1] for program in programs] == [""] * 3
    for case in ids:
        assert [revision.number for revision in project.revisions(case)] == list(range(1, 16))
        assert all(project.read_mask(r.id).shape == lungs().shape for r in project.revisions(case))
    assert len(project.cases()) == 10
    assert {problem.kind for problem in result_of(project.verify())} == {"image missing"}


def test_two_programs_that_open_an_old_project_at_once_bring_it_up_to_date_once(tmp_path):
    folder = Path(shutil.copytree(Path(__file__).parent / "first_schema", tmp_path / "p"))
    code = "import sys; from pathlib import Path; from napari_unet.review.store import ReviewProject\n"
    code += "with ReviewProject.open(Path(sys.argv[1])) as project: print(len(project.cases()))"
    programs = [_start(code, folder) for _ in range(2)]
    assert [program.communicate(timeout=120) for program in programs] == [("3\n", "")] * 2
    with ReviewProject.open(folder) as project:
        assert project.take_back("Ann") is not None
        assert project.take_back("Ann") is not None
        assert project.take_back("Ann") is None
    assert (folder / "review-of-schema-0001.db").exists()
