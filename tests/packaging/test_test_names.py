"""pytest imports test modules by their base names: two of one name would hide each other."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_each_test_module_has_a_name_of_its_own() -> None:
    names = Counter(
        path.name for path in TESTS.rglob("*.py") if path.name not in ("conftest.py", "__init__.py")
    )
    assert len(names) > 300
    assert [name for name, count in names.items() if count > 1] == []
