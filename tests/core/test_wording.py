from napari_unet.core.wording import counted, size_in_words


def test_numbers_agree_with_their_noun():
    assert [counted(n, "case") for n in (0, 1, 2, 1200)] == ["0 cases", "1 case", "2 cases", "1,200 cases"]


def test_a_size_is_in_the_order_of_the_shape():
    assert size_in_words((3, 512, 400)) == "3 × 512 × 400"
    assert size_in_words(()) == ""
