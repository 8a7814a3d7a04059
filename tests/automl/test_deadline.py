"""A budget is a value that is handed down in parts."""

from liverank.automl.budget import Deadline


def test_a_deadline_hands_down_parts_of_itself():
    now = [100.0]
    deadline = Deadline(110.0, lambda: now[0])
    half = deadline.share(0.5)
    now[0] = 105.0
    assert (half.expired(), half.left_s(), deadline.left_s()) == (True, 0.0, 5.0)
