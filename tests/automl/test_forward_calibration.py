"""Calibration by origins: kept where earlier blocks speak for the next, not where they differ."""

import numpy as np
import pytest

from liverank.automl.ensemble.calibration import fit_affine
from liverank.automl.ensemble.forward_calibration import (
    CalibrationBlock,
    calibrate_by_origins,
    in_parts,
)
from liverank.automl.evaluation.eval_rows import EvalRows
from liverank.automl.metrics.objective import find_objective


def block(seed: int, slope: float, offset: float = 0.0, n: int = 2000) -> CalibrationBlock:
    """Rows whose true log-odds are slope x margin + offset."""
    generator = np.random.default_rng(seed)
    margins = generator.normal(0, 2, n)
    target = (generator.random(n) < 1 / (1 + np.exp(-slope * margins - offset))).astype(float)
    rows = EvalRows(target, None, None, find_objective(None, "binary"), "sigmoid")
    return CalibrationBlock(margins[:, None], rows)


def test_models_that_are_too_sure_on_every_block_are_made_less_sure() -> None:
    blocks = [block(seed, slope) for seed, slope in enumerate((0.5, 0.4, 0.6, 0.5, 0.45))]
    calibrated = calibrate_by_origins(blocks)
    assert calibrated.kind == "affine"
    assert 0.4 < calibrated.calibrator.slope[0] < 0.7
    later = block(9, 0.5)
    after = calibrated.calibrator.apply(later.margins)
    assert later.rows.mean_loss(after) < later.rows.mean_loss(later.margins) - 0.02


def test_blocks_that_ask_for_opposite_things_keep_the_margins() -> None:
    offsets = (1.5, -1.5, 1.5, -1.5, 1.5)
    blocks = [block(seed, 1.0, offset) for seed, offset in enumerate(offsets)]
    assert calibrate_by_origins(blocks).kind == "none"


def test_blocks_that_disagree_shrink_what_is_applied() -> None:
    alike = calibrate_by_origins([block(i, 1.0, 1.0) for i in range(6)])
    differ = calibrate_by_origins(
        [block(i, 1.0, offset) for i, offset in enumerate((1.9, 0.1, 1.7, 0.2, 1.9, 0.2))]
    )
    assert alike.calibrator.offset[0] == pytest.approx(1.0, abs=0.15)
    assert abs(differ.calibrator.offset[0]) < 0.9


def test_margins_that_are_right_stay() -> None:
    kinds = [
        calibrate_by_origins([block(10 * seed + i, 1.0) for i in range(6)]).calibrator.slope[0]
        for seed in range(8)
    ]
    assert np.abs(np.array(kinds) - 1).max() < 0.06


def test_three_blocks_allow_too_few_steps() -> None:
    assert calibrate_by_origins([block(i, 0.3) for i in range(3)]).kind == "none"


def test_a_block_is_calibrated_by_the_blocks_before_it_alone() -> None:
    blocks = [block(seed, 0.5) for seed in range(5)]
    found = calibrate_by_origins(blocks)
    (size, own), everything = found.by_block[-1], found.calibrator
    slopes = [float(fit_affine(*each).slope[0]) for each in blocks]
    wanted = {
        (share, memory): 1 + share * (slope - 1)
        for share in (0.25, 0.5, 0.75, 1.0)
        for memory, slope in (("mean", np.mean(slopes[:-1])), ("newest", slopes[-2]))
    }
    assert size == 2000
    assert min(abs(own.slope[0] - each) for each in wanted.values()) < 1e-12
    assert own.slope[0] != everything.slope[0]
    margins = np.concatenate([each.margins for each in blocks])
    applied = found.on_validation_and_holdout(margins)
    np.testing.assert_array_equal(applied[-2000:], own.apply(margins[-2000:]))
    np.testing.assert_array_equal(applied[:2000], margins[:2000])
    np.testing.assert_array_equal(found.on_holdout(margins[-2000:]), applied[-2000:])
    newest = found.on_validation_and_holdout(margins[-4000:])
    np.testing.assert_array_equal(newest, applied[-4000:])
    older = np.full((7, 1), 3.0)
    longer = found.on_validation_and_holdout(np.concatenate([older, margins]))
    np.testing.assert_array_equal(longer, np.concatenate([older, applied]))


def test_parts_of_a_block_are_all_of_its_rows_in_their_order() -> None:
    whole = block(1, 1.0, n=10)
    parts = in_parts(whole, 3)
    assert [len(part.rows) for part in parts] == [4, 3, 3]
    np.testing.assert_array_equal(np.concatenate([p.margins for p in parts]), whole.margins)
