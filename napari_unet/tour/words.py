"""A text in the languages of the tour, with figures filled in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from string import Formatter
from typing import Any


class Language(StrEnum):
    """The languages of the tour."""

    ENGLISH = "en"
    KOREAN = "ko"

    @property
    def named(self) -> str:
        """As it calls itself."""
        return {"en": "English", "ko": "한국어"}[self.value]


@dataclass(frozen=True)
class Text:
    """The same text in each language; names in braces stand for figures."""

    en: str
    ko: str

    def say(self, language: Language, facts: Mapping[str, Any] | None = None) -> str:
        """The text in a language with its figures; what is unknown or no number becomes a dash."""
        words = self.ko if language is Language.KOREAN else self.en
        return _Filling().vformat(words, (), dict(facts or {}))


class _Filling(Formatter):
    """Writes a dash for what is not known."""

    def get_value(self, key: int | str, args: Any, kwargs: Mapping[str, Any]) -> Any:
        return kwargs.get(str(key), math.nan)

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, float) and math.isnan(value):
            return "–"
        return str(super().format_field(value, format_spec))
