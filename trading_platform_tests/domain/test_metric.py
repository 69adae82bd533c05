"""Measurements: of a closed list of names, each with its kind of subject."""

from __future__ import annotations

import pytest

from trading_platform.domain.metric import MetricName, MetricPoint
from trading_platform_tests.support.examples import START, SYMBOL


@pytest.mark.parametrize("name", MetricName)
def test_a_point_names_its_subject_if_the_metric_has_one(name: MetricName) -> None:
    subject = SYMBOL if name.tag else ""
    assert MetricPoint(name, 1.0, START, subject).subject == subject
    with pytest.raises(ValueError, match=str(name)):
        MetricPoint(name, 1.0, START, "" if name.tag else SYMBOL)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_no_measurement(value: float) -> None:
    with pytest.raises(ValueError, match="no measurement"):
        MetricPoint(MetricName.EQUITY_QUOTE, value, START)
