"""When a request skips the model or is refused, against a plain definition."""

from hypothesis import given
from hypothesis import strategies as st

from liverank.serving.ranking.deadline import EnforcedDeadline

seconds = st.floats(0, 2, allow_nan=False)


@given(
    candidates=st.integers(1, 5000),
    took=st.lists(st.tuples(st.integers(1, 5000), st.floats(1e-6, 0.1)), max_size=20),
)
def test_what_a_ranking_needs_is_a_moving_mean_of_what_a_candidate_took(candidates, took):
    deadline, mean = EnforcedDeadline(), None
    for count, took_s in took:
        deadline.record_ranking(count, took_s)
        if count >= 500:
            one = took_s / count
            mean = one if mean is None else 0.95 * mean + 0.05 * one
    needs_s = deadline.expected_s(candidates)
    assert abs(needs_s - (0.0 if mean is None else mean * candidates)) < 1e-9 + 1e-6 * needs_s


@given(
    requests=st.lists(
        st.tuples(st.floats(0, 0.3), st.floats(0, 0.2), st.floats(0.01, 0.2)), max_size=30
    ),
    candidate_s=st.sampled_from([0.0, 1e-5, 1e-4]),
)
def test_a_request_skips_the_model_after_half_its_deadline_and_is_refused_only_in_an_overload(
    requests, candidate_s
):
    deadline = EnforcedDeadline()
    deadline.record_ranking(1000, 1000 * candidate_s)
    now_s, late_since_s, needs_s = 100.0, None, 1000 * candidate_s
    for pause_s, waited_s, deadline_s in requests:
        now_s += pause_s
        time_limit = deadline.time_limit(
            now_s=now_s, waited_s=waited_s, deadline_s=deadline_s, candidates=1000
        )
        left_s = deadline_s - waited_s
        if waited_s <= deadline_s / 2:
            late_since_s = None
            assert time_limit is not None
            assert (time_limit.skip_reason is None) == (needs_s <= left_s)
            if time_limit.skip_reason is not None:
                needs_s *= 0.98  # what it was kept from is believed a little less
            assert time_limit.state_wait_s <= max(left_s, 0.005)
            continue
        late_since_s = now_s if late_since_s is None else late_since_s
        is_overloaded = now_s - late_since_s > 0.25
        if is_overloaded and waited_s > 0.9 * deadline_s:
            assert time_limit is None
        else:
            assert time_limit is not None
            assert "the server is busy" in str(time_limit.skip_reason)
            assert time_limit.state_wait_s >= 0.005


def test_one_moment_of_delay_refuses_nobody_and_one_request_in_time_ends_an_overload():
    deadline = EnforcedDeadline()

    def ask(now_s, waited_s):
        return deadline.time_limit(now_s=now_s, waited_s=waited_s, deadline_s=0.05, candidates=55)

    assert ask(0.0, 10.0) is not None
    assert ask(0.2, 10.0) is not None
    assert ask(0.3, 10.0) is None
    assert ask(0.3, 0.03) is not None, "it can still be in time"
    assert ask(0.3, 0.001).skip_reason is None
    assert ask(0.4, 10.0) is not None


def test_a_list_that_once_took_too_long_is_given_to_the_model_again_after_a_while():
    deadline = EnforcedDeadline()
    deadline.record_ranking(20_000, 0.2)
    kept_from_it = 0
    times = {"now_s": 0.0, "waited_s": 0.0, "deadline_s": 0.05, "candidates": 20_000}
    while deadline.time_limit(**times).skip_reason:
        kept_from_it += 1
        assert kept_from_it < 100
    assert kept_from_it > 10, "one look would cost a request its deadline each time"
