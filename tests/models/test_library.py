from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from net_fakes import saved

from napari_unet.core.errors import UserError
from napari_unet.core.image_kind import CT, XRAY, Kind
from napari_unet.models.card import ModelCard
from napari_unet.models.folder import CARD_FILE
from napari_unet.models.library import ModelEntry, ModelLibrary, Unreadable, default_library


@pytest.fixture
def library(tmp_path: Path) -> ModelLibrary:
    """An own folder and a shipped one; both are still empty."""
    for name in ("own", "shipped"):
        (tmp_path / name).mkdir()
    return ModelLibrary(tmp_path / "own", (tmp_path / "shipped",))


def _named(library: ModelLibrary) -> list[tuple[str, str, bool]]:
    return [(entry.card.name, entry.card.version, entry.shipped) for entry in library.list()]


def test_models_with_and_without_versions(library: ModelLibrary) -> None:
    saved(library.shipped[0] / "cxr-lung", name="cxr-lung")
    saved(library.own / "mine" / "1", name="mine", version="1")
    saved(library.own / "mine" / "2", name="mine", version="2")
    assert _named(library) == [("cxr-lung", "1", True), ("mine", "1", False), ("mine", "2", False)]


def test_no_folder_at_all(tmp_path: Path) -> None:
    nothing = ModelLibrary(tmp_path / "none", (tmp_path / "neither",))
    assert nothing.list() == []
    with pytest.raises(UserError, match="no model named x") as error:
        nothing.find("x")
    assert "none" in error.value.remedy


def test_one_s_own_newest_version_goes_first(library: ModelLibrary) -> None:
    saved(library.shipped[0] / "a", name="a", version="99")
    assert library.find("a").shipped
    for version in ("2", "10", "9"):
        saved(library.own / "a" / version, name="a", version=version)
    assert (library.find("a").card.version, library.find("a").shipped) == ("10", False)


@pytest.mark.parametrize(
    ("older", "newer"), [("1", "1.1"), ("1.9", "1.10"), ("1.rc", "1.1"), ("alpha", "1"), ("2", "2024.1")]
)
def test_versions_are_compared_as_numbers(library: ModelLibrary, older: str, newer: str) -> None:
    for version in (newer, older):
        saved(library.own / "a" / version, name="a", version=version)
    assert library.find("a").card.version == newer


def test_half_written_models_are_passed_over(library: ModelLibrary) -> None:
    saved(library.own / "a.partial", name="a")
    saved(library.own / "a" / "2.partial", name="a", version="2")
    saved(library.own / "a" / "1", name="a", version="1")
    assert _named(library) == [("a", "1", False)]


def test_a_broken_model_harms_no_other_and_gives_its_own_reason(library: ModelLibrary) -> None:
    saved(library.own / "good", name="good")
    broken = saved(library.own / "broken", name="broken")
    (broken.folder / CARD_FILE).write_text("{")
    future = saved(library.own / "future" / "3", name="future")
    (future.folder / CARD_FILE).write_text('{"format_version": 99}')
    entries, unreadable = library.scan()
    assert [entry.card.name for entry in entries] == ["good"]
    assert [each.folder.name for each in unreadable] == ["broken", "3"]
    with pytest.raises(UserError, match="cannot be read"):
        library.find("broken")
    with pytest.raises(UserError, match="newer version"):
        library.find("future")


def test_a_model_by_its_folder(library: ModelLibrary, tmp_path: Path) -> None:
    entry = saved(tmp_path / "elsewhere" / "m", name="m")
    for name in (entry.folder, str(entry.folder)):
        assert library.find(name).card == entry.card
    with pytest.raises(UserError, match="is not a model"):
        library.find(tmp_path / "own")
    with pytest.raises(UserError, match="no model named"):
        library.find(tmp_path / "nowhere")


def test_weights_that_are_missing_are_told(library: ModelLibrary) -> None:
    entry = saved(library.own / "a", name="a")
    entry.verify()
    entry.weights.unlink()
    with pytest.raises(UserError, match="has no weights"):
        library.find("a").verify()


def test_where_models_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(tmp_path))
    assert default_library().own == tmp_path
    assert default_library(tmp_path / "mine").own == tmp_path / "mine"
    monkeypatch.setenv("NAPARI_UNET_MODELS", "")
    assert default_library().own.parts[-2:] == ("napari-unet-lung", "models")
    assert not default_library().own.is_relative_to(default_library().shipped[0])


def test_shipped_models_are_whole() -> None:
    entries, unreadable = ModelLibrary(Path("none"), default_library().shipped).scan()
    assert unreadable == []
    for entry in entries:
        entry.verify()
        assert entry.shipped and entry.weights.stat().st_size <= 4_000_000
        if entry.card.drawing:
            assert entry.card.output.protocol
            assert entry.card.output.likeness or entry.kind == CT, "CT shows by its values what it is of"
        assert entry.card.data and (entry.card.scores or entry.card.finding_scores)


def test_the_library_needs_no_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None; from napari_unet.models.library import default_library as d"
    )
    subprocess.run([sys.executable, "-c", f"{code}; d().list()"], check=True)


def _with(library: ModelLibrary, *names: str) -> None:
    for name in names:
        saved(library.own / name, name=name)


def test_the_current_model_is_the_last_one_taken(library: ModelLibrary) -> None:
    _with(library, "a", "b")
    assert library.current() is None and library.history() == ()
    library.use("a")
    library.use("b")
    library.use("b")
    assert library.current() == "b" and library.history() == ("a", "b")
    assert ModelLibrary(library.own).current() == "b"
    assert library.roll_back() == "a" and library.current() == "a"
    assert library.roll_back() is None and library.current() is None
    assert library.roll_back() is None
    assert _named(library) == [("a", "1", False), ("b", "1", False)]


def test_after_going_back_there_is_a_way_forward(library: ModelLibrary) -> None:
    _with(library, "a", "b", "c")
    for name in "abc":
        library.use(name)
    assert library.ahead() is None
    assert library.roll_back() == "b" and library.ahead() == "c"
    assert library.roll_back() == "a" and ModelLibrary(library.own).ahead() == "b"
    library.use("b")
    assert (library.current(), library.ahead()) == ("b", "c")
    library.use("c")
    assert library.history() == ("a", "b", "c") and library.ahead() is None
    library.roll_back()
    library.use("a")  # another way
    assert library.ahead() is None
    library.roll_back()
    shutil.rmtree(library.own / "a")
    assert library.ahead() is None


def test_a_deleted_model_is_not_current(library: ModelLibrary) -> None:
    _with(library, "a", "b", "c")
    for name in "abac":
        library.use(name)
    shutil.rmtree(library.own / "c")
    assert library.current() == "a"
    assert library.roll_back() == "b"
    shutil.rmtree(library.own / "b")
    assert library.current() == "a"
    shutil.rmtree(library.own / "a")
    assert library.current() is None
    assert library.roll_back() is None


def test_only_models_of_the_library_can_be_taken(library: ModelLibrary, tmp_path: Path) -> None:
    _with(library, "a")
    library.use("a")
    with pytest.raises(UserError, match="no model named b"):
        library.use("b")
    saved(tmp_path / "elsewhere", name="elsewhere")
    with pytest.raises(UserError, match="not in the library"):
        library.use(str(tmp_path / "elsewhere"))
    assert library.history() == ("a",)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"history": 3}', '{"history": [3]}', "\xff", "[" * 99_999])
def test_a_damaged_record_is_as_none(library: ModelLibrary, text: str) -> None:
    _with(library, "a")
    (library.own / "current.json").write_text(text, encoding="latin-1")
    assert library.current() is None
    library.use("a")
    assert library.current() == "a"


def test_a_record_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    saved(tmp_path / "shipped" / "a", name="a")
    with pytest.raises(UserError, match="cannot be made"):
        ModelLibrary(tmp_path / "file" / "own", (tmp_path / "shipped",)).use("a")


class _Names(ModelLibrary):
    """A library in which models come and go at once."""

    there: set[str]

    def scan(self) -> tuple[list[ModelEntry], list[Unreadable]]:
        return [ModelEntry(ModelCard(name=name), self.own / name) for name in sorted(self.there)], []


ACTIONS = st.lists(st.sampled_from(["use a", "use b", "use c", "back", "delete a", "delete b"]), max_size=12)


@settings(deadline=None, max_examples=60)
@given(ACTIONS)
def test_current_is_there_and_going_back_undoes_taking(
    tmp_path_factory: pytest.TempPathFactory, actions: list[str]
) -> None:
    library = _Names(tmp_path_factory.mktemp("own"))
    library.there = {"a", "b", "c"}
    for action in actions:
        verb, _, name = action.partition(" ")
        before = library.current()
        if verb == "delete":
            library.there.discard(name)
        elif verb == "back":
            assert library.roll_back() != before or before is None
        elif name in library.there:
            library.use(name)
            assert library.current() == name
            if before != name:
                assert library.roll_back() == before
                library.use(name)
        assert library.current() is None or library.current() in library.there


def _of_both_kinds(library: ModelLibrary) -> None:
    _with(library, "a", "b")
    for name in ("ct", "ct-2"):
        saved(library.own / name, name=name, modalities=("CT",))


def test_each_kind_of_image_has_a_current_model_of_its_own(library: ModelLibrary) -> None:
    _of_both_kinds(library)
    assert [library.use(name) for name in ("a", "ct", "b", "ct-2")] == [XRAY, CT, XRAY, CT]
    assert (library.current(), library.current(CT), library.current("MR")) == ("b", "ct-2", None)
    assert (library.history(), library.history(CT)) == (("a", "b"), ("ct", "ct-2"))
    assert library.roll_back(CT) == "ct"
    assert (library.current(), library.ahead(), library.ahead(CT)) == ("b", None, "ct-2")
    assert library.roll_back() == "a"
    assert (library.current(CT), library.ahead(), library.ahead(CT)) == ("ct", "b", "ct-2")
    library.use("ct-2")
    assert (library.ahead(), library.ahead(CT)) == ("b", None)
    assert library.roll_back(CT) == "ct" and library.roll_back(CT) is None
    assert library.roll_back() is None and library.history() == ()


def test_another_way_leaves_what_the_other_kind_can_go_forward_to(library: ModelLibrary) -> None:
    _of_both_kinds(library)
    for name in ("a", "b", "ct", "ct-2"):
        library.use(name)
    library.roll_back(CT)
    library.roll_back()
    _with(library, "c")
    library.use("c")
    assert (library.ahead(), library.ahead(CT)) == (None, "ct-2")


def test_a_record_of_an_earlier_version_opens(library: ModelLibrary) -> None:
    _of_both_kinds(library)
    (library.own / "current.json").write_text('{\n  "history": ["a", "b"],\n  "ahead": ["a"]\n}\n')
    assert (library.current(), library.ahead(), library.current(CT)) == ("b", "a", None)
    assert (ModelLibrary(library.own).use("ct"), library.current(), library.current(CT)) == (CT, "b", "ct")


def test_auto_takes_the_model_of_the_kind_that_was_found(library: ModelLibrary) -> None:
    def taken(kind: str, why: str = "its header says so") -> str:
        return library.for_image("auto", Kind(kind, why))[0].card.name

    saved(library.shipped[0] / "cxr-lung", name="cxr-lung", modalities=("DX",))
    assert taken(XRAY) == taken(CT) == taken("MR") == "cxr-lung", "its card refuses them"
    _of_both_kinds(library)
    assert (taken(XRAY), taken(CT)) == ("cxr-lung", "ct"), "any is better than none"
    saved(library.shipped[0] / "ct-lung", name="ct-lung", modalities=("CT",))
    assert (taken(XRAY), taken(CT)) == ("cxr-lung", "ct-lung")
    library.use("b")
    assert (taken(XRAY), taken(CT)) == ("b", "ct-lung")
    library.use("ct-2")
    assert (taken(XRAY), taken(CT), taken("MR")) == ("b", "ct-2", "b")
    library.preferred["CT"] = "ct"
    assert (taken(CT), library.current(CT)) == ("ct", "ct-2")
    entry, why = library.for_image("auto", Kind(CT, "its header says so"))
    assert why == "The image is a CT: its header says so. The model ct is used."
    assert library.for_image("a", Kind(CT, ""))[0].card.name == "a"
    assert library.for_image(entry.folder, Kind(XRAY, ""))[1] == ""


def test_auto_without_any_model(library: ModelLibrary) -> None:
    for kind in (XRAY, CT):
        with pytest.raises(UserError, match="no model named cxr-lung"):
            library.for_kind(kind)


def test_a_model_that_scores_is_there_by_name_and_never_the_one_in_use(tmp_path: Path) -> None:
    from finding_fakes import library_with

    library = library_with(tmp_path)
    assert library.find("toy-finding").card.output.task == "classification"
    offered = [
        {entry.card.name for entry in library.offered(drawing=drawing)[0]} for drawing in (False, True)
    ]
    assert offered[0] - offered[1] == {"toy-finding", "cxr-finding"}
    library.preferred = {XRAY: "toy-finding"}
    assert library.for_kind().card.name == "cxr-lung"
    with pytest.raises(UserError, match="gives scores and no masks"):
        library.use("toy-finding")


def test_a_shipped_model_is_found_whatever_the_user_has_of_its_name(tmp_path: Path) -> None:
    library = ModelLibrary(tmp_path / "own", (tmp_path / "shipped",))
    saved(library.own / "a", name="a", version="9")
    with pytest.raises(UserError, match="shipped model a is missing"):
        library.find_shipped("a")
    saved(library.shipped[0] / "a", name="a")
    assert library.find_shipped("a").card.version == "1" and library.find("a").card.version == "9"
