"""Every stop, caption and operation has its words in both languages, and a font has every letter of them."""

from __future__ import annotations

from string import Formatter

import numpy as np
import pytest
from korean_font import need_korean_font
from PIL import Image, ImageDraw

from napari_unet.core.errors import UserError
from napari_unet.core.inside import Look, Panel
from napari_unet.core.lineage import STOPS
from napari_unet.io import fonts as font_files
from napari_unet.tour import captions, fonts
from napari_unet.tour.captions import CAPTIONS, OPERATIONS
from napari_unet.tour.picture import WIDTH, number_text, picture
from napari_unet.tour.stops import TOUR
from napari_unet.tour.words import Language, Text

TEXTS = [
    *CAPTIONS.values(),
    *OPERATIONS.values(),
    *(text for stop in TOUR for text in (stop.title, stop.sentence)),
    *(value for value in vars(captions).values() if isinstance(value, Text)),
]


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_there_are_ten_stops_in_order() -> None:
    assert [stop.name for stop in TOUR] == list(STOPS) and [stop.number for stop in TOUR] == [*range(1, 11)]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.ko[:20])
def test_both_languages_give_the_same_figures(text: Text) -> None:
    assert names(text.en) == names(text.ko)
    assert text.ko


def test_no_operation_is_without_words() -> None:
    from napari_unet.inference.inside.operations import OPERATIONS as DONE

    assert list(OPERATIONS) == list(DONE)


def need_font(language: Language) -> None:
    if language is Language.KOREAN:
        need_korean_font()


@pytest.mark.parametrize("language", Language)
def test_no_letter_is_an_empty_box(language: Language) -> None:
    need_font(language)
    said = "".join(text.say(language) for text in TEXTS if text is not captions.INTRO)  # of the dock alone
    said += number_text(-1.5) + number_text(np.nan)
    said += "0123456789.,×→%" + language.named
    assert (
        fonts.letters_missing(said if language is Language.KOREAN else said.replace("한국어", ""), language)
        == set()
    )


@pytest.mark.parametrize(("language", "known"), [(Language.ENGLISH, "aş"), (Language.KOREAN, "aş한")])
def test_an_empty_box_is_seen(language: Language, known: str) -> None:
    need_font(language)
    assert fonts.letters_missing(f"{known}\U0010fffe", language) == {"\U0010fffe"}


def test_a_letter_that_the_korean_font_lacks_is_of_another() -> None:
    """It is drawn as in English, on the line of the letters beside it."""
    need_korean_font()
    odd = next((letter for letter in "şǂ℮" if not fonts.has_letter(letter, Language.KOREAN)), None)
    if odd is None or not fonts.has_letter(odd, Language.ENGLISH):
        pytest.skip("the Korean font here has all of these letters")
    letters, plain = fonts.Letters(Language.KOREAN, 40), fonts.font(Language.KOREAN, 40)
    alone = fonts.font(Language.ENGLISH, 40).getlength(odd)
    assert letters.length(f"한{odd}글") == pytest.approx(2 * plain.getlength("한") + alone, abs=0.5)
    drawn = {text: ink(letters, text) for text in ("한글", f"한{odd}글", "한 글")}
    assert drawn[f"한{odd}글"].sum() > drawn["한글"].sum()
    rows = [np.flatnonzero(drawn[text].any(axis=1)) for text in ("한글", f"한{odd}글")]
    assert abs(int(rows[0][-1]) - int(rows[1][-1])) <= 12  # a tail below the line at most


def ink(letters: fonts.Letters, text: str) -> np.ndarray:
    """Where there is some, on a page of its own."""
    page = Image.new("L", (400, 80), 255)
    letters.write(ImageDraw.Draw(page), (10, 10), text, fill=0)
    return np.asarray(page) < 128


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.ko[:20])
def test_korean_words_choose_no_ending_by_brackets(text: Text) -> None:
    """As a form does, and no slide."""
    assert not any(form in text.ko for form in ("을(를)", "(으)로", "은(는)", "이(가)", "와(과)"))


def test_without_a_korean_font_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(font_files, "_KOREAN", ())
    monkeypatch.setattr(font_files, "_by_fontconfig", lambda: None)
    font_files.font_file.cache_clear()
    try:
        with pytest.raises(UserError, match="Korean letters") as error:
            fonts.font(Language.KOREAN, 12)
        assert "fonts-nanum" in error.value.remedy
        assert fonts.font(Language.ENGLISH, 12)
    finally:
        font_files.font_file.cache_clear()


def test_what_is_not_known_is_a_dash() -> None:
    text = Text("{a:.1f} of {b:,} by {c}", "{a:.1f} {b:,} {c}")
    assert text.say(Language.ENGLISH, {"a": float("nan"), "b": 1200}) == "– of 1,200 by –"


def test_numbers_in_cells() -> None:
    assert [number_text(n) for n in (-0.001, 1.234, -12.34, 123.4, np.nan)] == [
        "0.00",
        "1.23",
        "–12.3",
        "123",
        "?",
    ]


@pytest.mark.parametrize("count", range(9))
def test_a_picture_holds_all_its_panels(count: int) -> None:
    """Each panel of one colour covers a good part of the page."""
    panels = [Panel("image", np.full((8, 8), 10 + 20 * k, np.uint8)) for k in range(count)]
    drawn = picture(Look("word", tuple(panels)), "Title", "A sentence. " * 30, Language.ENGLISH)
    assert drawn.dtype == np.uint8 and drawn.shape[1:] == (WIDTH, 3)
    for k in range(count):
        assert (drawn == 10 + 20 * k).all(axis=-1).sum() >= 260 * 260
    assert (drawn[:, -20:] == 255).all(), "nothing is cut off at the right"


def test_a_missing_model_is_named_in_the_picture() -> None:
    plain = picture(Look("word"), "Title", "A sentence.", Language.ENGLISH)
    told = picture(Look("word", missing=("lineage-alexnet",)), "Title", "A sentence.", Language.ENGLISH)
    assert told.shape[0] > plain.shape[0] and (told < 128).sum() > (plain < 128).sum()
