"""Going through the queue."""

from __future__ import annotations


def test_going_through_the_queue(review, three):
    review.work.navigator.open_next()
    review.until_open(three[0])
    review.work.navigator.open_previous()
    assert review.news[-1] == "This is the first case."
    review.work.navigator.open_next()
    review.until_open(three[1])
    review.work.navigator.open_previous()
    review.until_open(three[0])
    assert review.work.navigator.coming() == three


def test_cases_with_unsaved_strokes_go_first(review, three):
    review.work.navigator.unsaved = [three[2], three[1]]
    review.work.navigator.open_next()
    review.until_open(three[2])
    review.open(three[1])  # by hand: it has had its turn
    review.work.navigator.open_next()
    review.until_open(three[2])
    assert review.work.navigator.unsaved == []
