"""The benchmarks' table writer, result files and turns."""

from __future__ import annotations

import pytest

from benchmarks.page import page, table
from benchmarks.result import Column, Result, read, write
from benchmarks.timing import Times, interleaved

COLUMNS = (
    Column("what"),
    Column("best", "ms"),
    Column("to ours", "ratio"),
    Column("not the network", "share"),
    Column("memory", "MB"),
    Column("difference", "tiny"),
)


@pytest.fixture
def result() -> Result:
    found = Result("Speed", "Run twice.", COLUMNS, conditions={"cores": 2, "load before": 0.5})
    found.add("tiles", 0.0123, 1.2345, 0.1478, 123_456_789, 1.2e-6)
    found.add("large | whole", 4.5, 1, 0.00042, 5e9, 0)
    found.add_missing("GPU", "no GPU on this machine")
    return found


def test_numbers_have_the_units_of_their_column(result):
    assert table(result).splitlines() == [
        "| what | best, ms | to ours | not the network | memory, MB | difference |",
        "| --- | --- | --- | --- | --- | --- |",
        "| tiles | 12.3 | 1.23 | 14.8 % | 123 | 1e-06 |",
        "| large \\| whole | 4500 | 1.00 | 0.042 % | 5000 | 0 |",
        "| GPU | not measured: no GPU on this machine | – | – | – | – |",
    ]


def test_a_result_comes_back_from_its_file(result, tmp_path):
    path = tmp_path / "results" / "speed.json"
    write(result, path)
    assert read(path) == result


def test_the_page_has_every_table_and_the_machine(result):
    other = Result("Memory", "Run once.", (Column("what"),), notes=["As it is."])
    other.conditions = {"cores": 2, "load before": 1.5}
    text = page([result, other])
    assert text.index("## Speed\n\nRun twice.\n\n| what |") < text.index("## Memory")
    assert "As it is.\n" in text
    assert "- cores: 2\n- load before: 0.5 to 1.5\n" in text


def test_versions_that_differ_are_told_one_by_one(result):
    result.conditions = {"versions": {"ours": "1.1", "numpy": "2.4"}}
    other = Result("Memory", "Run once.", (Column("what"),))
    other.conditions = {"versions": {"ours": "1.2", "numpy": "2.4", "napari": "0.9"}}
    assert "- versions: ours 1.1 to 1.2, numpy 2.4, napari 0.9\n" in page([result, other])


def test_numbers_in_versions_are_numbers(result):
    result.conditions = {"versions": {"ours": "1.0.dev273"}}
    other = Result("Memory", "Run once.", (Column("what"),), conditions={"versions": {"ours": "1.0.dev82"}})
    assert "- versions: ours 1.0.dev82 to 1.0.dev273\n" in page([result, other])


def test_tables_of_several_processors_say_whose_they_are(result):
    result.conditions = {"processor": "Quick"}
    other = Result("Memory", "Run once.", (Column("what"),), conditions={"processor": "Slow"})
    text = page([result, other])
    assert "Run twice. Processor: Quick.\n" in text and "Run once. Processor: Slow.\n" in text
    assert "- processor: Quick; Slow\n" in text
    assert "Processor" not in page([result])


def test_contenders_take_turns_and_the_first_round_does_not_count():
    turns = []
    times = interleaved({"a": lambda: turns.append("a"), "b": lambda: turns.append("b")}, rounds=2)
    assert turns == ["a", "b"] * 3
    assert [len(taken.seconds) for taken in times.values()] == [2, 2]


def test_best_and_median():
    taken = Times((3.0, 1.0, 2.0, 9.0))
    assert (taken.best, taken.median) == (1.0, 2.5)
