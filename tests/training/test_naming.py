"""Names of new models."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from net_fakes import saved

from napari_unet.core.errors import UserError
from napari_unet.models.library import ModelLibrary
from napari_unet.training.naming import check_name, free_name


@pytest.fixture
def today() -> str:
    return datetime.now(UTC).date().isoformat()


def test_the_parents_name_with_the_date_and_a_number_where_it_is_taken(tmp_path: Path, today: str) -> None:
    library = ModelLibrary(tmp_path)
    assert free_name(library, "cxr-lung") == f"cxr-lung-{today}"
    saved(tmp_path / f"cxr-lung-{today}", name=f"cxr-lung-{today}")
    assert free_name(library, "cxr-lung") == f"cxr-lung-{today}-2"
    (tmp_path / f"CXR-lung-{today}-2").mkdir()
    assert free_name(library, "cxr-lung") == f"cxr-lung-{today}-3"


def test_names_do_not_grow_from_child_to_child(tmp_path: Path, today: str) -> None:
    library = ModelLibrary(tmp_path)
    assert free_name(library, "cxr-lung-2020-02-03-4") == f"cxr-lung-{today}"
    long = free_name(library, "a" * 64)
    check_name(library, long)


@pytest.mark.parametrize("name", ["", "a b", "../up", "ä", "a" * 65, "x.partial", "auto", "None"])
def test_names_that_cannot_be(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="cannot be the name"):
        check_name(ModelLibrary(tmp_path), name)


def test_a_name_that_is_taken_is_refused_whatever_its_case(tmp_path: Path) -> None:
    shipped, own = tmp_path / "shipped", tmp_path / "own"
    saved(shipped / "theirs", name="theirs")
    saved(own / "folder", name="Ours")
    library = ModelLibrary(own, (shipped,))
    for name in ("theirs", "Theirs", "ours", "folder"):
        with pytest.raises(UserError, match="already"):
            check_name(library, name)
    check_name(library, "new")
