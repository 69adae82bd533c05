"""Binance's answers about an account, apart from its orders: transfers, trades, what the key may do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from trading_platform.adapters.ccxt_exchange.failures import MalformedAnswer
from trading_platform.adapters.ccxt_exchange.wire_fields import (
    decimal,
    decimal_member,
    mapping,
    member,
    moment,
    sequence,
    text_member,
)
from trading_platform.domain.arming import KeyPermissions
from trading_platform.domain.order import Fill, Side
from trading_platform.domain.transfer import VenueTransfer

_CREDITED: Final = frozenset({1, 6})  # success; credited, but not to be withdrawn yet
_GIVEN_BACK: Final = frozenset({1, 3, 5})  # cancelled, rejected, failed: the balance has it again
_TIME_FORM: Final = "%Y-%m-%d %H:%M:%S"


def deposits(answer: object) -> list[VenueTransfer]:
    """Credited deposits out of ``capital/deposit/hisrec``."""
    listed = [mapping(item, "a deposit") for item in sequence(answer, "the list of deposits")]
    return [
        VenueTransfer(
            text_member(item, "id"),
            text_member(item, "coin"),
            decimal_member(item, "amount"),
            moment(member(item, "insertTime"), "insertTime"),
        )
        for item in listed
        if member(item, "status") in _CREDITED
    ]


def withdrawals(answer: object) -> list[VenueTransfer]:
    """Withdrawals that have left the balance, with their fees, out of ``capital/withdraw/history``."""
    listed = [mapping(item, "a withdrawal") for item in sequence(answer, "the list of withdrawals")]
    return [
        VenueTransfer(
            text_member(item, "id"),
            text_member(item, "coin"),
            -decimal_member(item, "amount") - decimal(item.get("transactionFee", "0"), "transactionFee"),
            _utc(text_member(item, "applyTime")),
        )
        for item in listed
        if member(item, "status") not in _GIVEN_BACK
    ]


def account_trades(answer: list[Any]) -> list[tuple[Side, Fill]]:
    """Trades out of ``myTrades``."""
    listed = [mapping(item, "a trade") for item in answer]
    return [
        (
            Side.BUY if member(item, "isBuyer") is True else Side.SELL,
            Fill(
                venue_trade_id=text_member(item, "id"),
                price=decimal_member(item, "price"),
                quantity=decimal_member(item, "qty"),
                fee=decimal_member(item, "commission"),
                fee_asset=text_member(item, "commissionAsset"),
                time=moment(member(item, "time"), "a trade's time"),
            ),
        )
        for item in listed
    ]


def key_permissions(answer: object) -> KeyPermissions:
    """What ``account/apiRestrictions`` says; what it doesn't say clearly is taken for the worse."""
    said = mapping(answer, "the key's restrictions")
    return KeyPermissions(
        can_trade=said.get("enableSpotAndMarginTrading") is True,
        can_withdraw=said.get("enableWithdrawals") is not False,
        is_bound_to_addresses=said.get("ipRestrict") is True,
    )


def _utc(text: str) -> datetime:
    try:
        return datetime.strptime(text, _TIME_FORM).replace(tzinfo=UTC)
    except ValueError:
        raise MalformedAnswer("applyTime is no time") from None
