"""Which methods size an entry, and their parameters."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class SizingMethod(StrEnum):
    """A way to propose a size; each has a file of its own."""

    FIXED_FRACTION = "fixed_fraction"
    FIXED_RISK = "fixed_risk"
    KELLY = "kelly"
    VOLATILITY_TARGET = "volatility_target"


class SizingRules(BaseModel):
    """How an entry is sized; of several methods the most conservative counts (limits stand in [risk])."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    methods: tuple[SizingMethod, ...] = Field(
        (SizingMethod.FIXED_FRACTION, SizingMethod.FIXED_RISK),
        min_length=1,
        description="fixed_fraction, fixed_risk, kelly, volatility_target",
    )
    risk_per_trade: Decimal = Field(
        Decimal("0.02"), gt=0, le=1, description="fixed_risk: of the equity lost if the stop fills, fees included"
    )
    kelly_multiple: Decimal = Field(Decimal("0.5"), gt=0, le=1, description="of the growth-optimal fraction")
    kelly_cap: Decimal = Field(Decimal("0.25"), gt=0, le=1, description="of the equity, whatever the record says")
    kelly_prior_trades: int = Field(30, ge=1, le=10_000, description="as many trades of one's own count half")
    kelly_trades: int = Field(200, ge=1, le=10_000, description="the strategy's newest closed trades that count")
    kelly_without_edge: Literal["smallest", "refuse"] = Field(
        "smallest", description="smallest: the smallest order, to go on learning"
    )
    volatility_target: Decimal = Field(
        Decimal("0.20"), gt=0, le=10, description="per year and position, as a fraction of the equity"
    )

    @field_validator("methods")
    @classmethod
    def _named_once(cls, methods: tuple[SizingMethod, ...]) -> tuple[SizingMethod, ...]:
        if len(set(methods)) < len(methods):
            raise ValueError("a method is named twice")
        return methods
