"""The paper's numbers, and what arithmetic says of them."""

from __future__ import annotations

import math

import pytest

from reasondiff.evaluation.report.published import denominators_that_fit, doubts, published_tables

ACTIVITYNET, MSR_VTT = published_tables()


def test_the_numbers_are_the_papers() -> None:
    assert ACTIVITYNET.values("CLIP Score (Text)")["ReasonDiff"] == (0.261, 0.061)
    assert MSR_VTT.values("Motion Smooth")["LTX-Video"] == (0.986, 0.010)
    # 16.5 % ahead of the best baseline in CLIP (text), and 0.949 in user rank (Sec. 4.2)
    text, rank = ACTIVITYNET.values("CLIP Score (Text)"), ACTIVITYNET.values("User Rank")
    assert text["ReasonDiff"][0] / text["Wan2.1"][0] == pytest.approx(1.165, abs=0.0005)
    assert rank["Wan2.1"][0] - rank["ReasonDiff"][0] == pytest.approx(0.949)


def test_best_and_second_are_those_that_the_paper_marks() -> None:
    text = ACTIVITYNET.as_table().markdown().splitlines()
    assert text[6].count("**") == 2 * 5  # ReasonDiff is first but in CLIP (image)
    assert "<u>0.512</u>" in text[5] and "**0.544**" in text[3] and "<u>0.537</u>" in text[4]


def test_ranks_of_five_methods_sum_to_15() -> None:
    for table in (ACTIVITYNET, MSR_VTT):
        assert math.fsum(mean for mean, _ in table.values("User Rank").values()) == pytest.approx(15, abs=0.0035)


def test_the_doubts_of_activitynet() -> None:
    said = doubts(ACTIVITYNET)
    assert [sentence.split(":")[0] for sentence in said] == [
        "Dynamic Degree of CogVideoX",
        "Dynamic Degree of Wan2.1",
        "User Rank",
        "CLIP Score (Image)",
    ]
    assert "has a standard deviation of 0.334, and 0.089 is printed" in said[0] and "0.392" in said[1]
    assert "the smallest number that does is 649." in said[2]


def test_the_doubts_of_msr_vtt() -> None:
    said = doubts(MSR_VTT)
    assert any("no numbers of 497 clips" in sentence for sentence in said)
    assert any("the smallest number that does is 571." in sentence for sentence in said)
    assert "0.463" in said[0] and "0.472" in said[1]


def test_which_numbers_of_clips_fit() -> None:
    assert denominators_that_fit([0.5, 0.333], range(1, 8)) == [6]
    assert 500 in denominators_that_fit([0.484, 0.734, 0.872, 0.810, 0.936], range(490, 511))
