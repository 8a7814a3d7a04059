"""Off-policy estimates against a real A/B test: Open Bandit's random and Thompson sampling arms."""

import pytest

from bench_open_bandit import CAMPAIGNS, DATA, estimates

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data/open_bandit is absent")


@pytest.mark.parametrize("campaign", CAMPAIGNS)
@pytest.mark.parametrize("logging", ["random", "bts"])
def test_the_log_of_one_arm_tells_the_click_rate_of_the_other_within_its_interval(
    campaign, logging
):
    found = estimates(campaign, logging)
    truth = found["truth"].value
    assert found["refusal"] is None
    for name in ("ips", "snips"):
        low, high = found[name].ci
        assert low <= truth <= high, (name, found[name], truth)
        assert low > 0
        assert high < 5 * truth
    low, high = found["ips"].bound
    assert low <= truth <= high


def test_click_rates_are_those_that_the_data_set_tells():
    clicks = {
        (campaign, logging): round(estimates(campaign, logging)["truth"].value * 10_000)
        for campaign in CAMPAIGNS
        for logging in ("random", "bts")
    }
    assert clicks == {
        ("men", "random"): 69,
        ("men", "bts"): 46,
        ("women", "random"): 46,
        ("women", "bts"): 46,
    }
    assert sum(clicks.values()) == 207


def test_rare_propensities_are_refused_without_clipping():
    """One impression of a millionth outweighs all the others of the women's campaign."""
    found = estimates("women", "bts")
    assert found["unclipped"] is not None
    assert "too little support" in found["unclipped"]
    assert estimates("men", "random")["unclipped"] is None
