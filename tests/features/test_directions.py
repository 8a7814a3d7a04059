"""Which way features can point, told by their names."""

from liverank.config import parse_config
from liverank.events.schema.schema import Schema
from liverank.features.monotonicity import directions_of
from liverank.features.spec import derive_spec

CONFIG = parse_config('[label]\ninteraction = "join"\n[features]\non = ["*_gap", "*_sd"]')
SPEC = derive_spec(Schema(items={"host": "key"}, interactions=("join",)), CONFIG)


def test_rates_and_shares_of_successes_point_up_and_trailing_in_them_down():
    points = dict(zip(SPEC.names, directions_of(SPEC), strict=True))

    assert points["item_join_rate_1d"] == 1
    assert points["user_host_join_share_14d"] == 1
    assert points["recent_items_next_join_share_1h"] == 1
    assert points["item_join_rate_1d_gap"] == -1
    assert points["item_join_rate_1d_rank"] == -1
    assert points["item_join_1h_rank"] == -1


def test_a_difference_to_the_mean_points_the_way_of_what_it_is_of():
    points = dict(zip(SPEC.names, directions_of(SPEC), strict=True))

    for of, way in {"item_join_rate_1d": 1, "user_host_join_share_14d": 1, "item_age_s": 0}.items():
        assert points[of] == points[f"{of}_above_mean"] == points[f"{of}_above_mean_sd"] == way, of


def test_what_may_mean_either_points_nowhere():
    points = dict(zip(SPEC.names, directions_of(SPEC), strict=True))

    for name in ("item_join_1h", "item_impression_1d", "item_age_s", "hour", "item_join_ago_s",
                 "item_join_1h_above_mean", "item_impression_1h_rank", "item_age_s_rank",
                 "host_join_1d_rank"):  # fmt: skip
        assert points[name] == 0, name
