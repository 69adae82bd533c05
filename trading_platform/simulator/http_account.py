"""Requests about an account: balances, fills, fees, limits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from trading_platform.simulator import wire_orders
from trading_platform.simulator.call import Call, Route, Security
from trading_platform.simulator.http_orders import bad_value
from trading_platform.simulator.wire_market import Json, amount
from trading_platform.simulator.wire_parameters import SYMBOL_FORM

ACCOUNT = "account"


def account(call: Call) -> Json:
    """``GET account``."""
    omit = call.parameters.optional_choice("omitZeroBalances", ("true", "false"), bad_value("omitZeroBalances"))
    state = call.context.exchange.account_state(call.account)
    return wire_orders.account(state, omit_zero_balances=omit == "true")


def my_trades(call: Call) -> list[Json]:
    """``GET myTrades``."""
    parameters = call.parameters
    found = call.context.exchange.my_trades(
        call.account,
        parameters.text("symbol", SYMBOL_FORM),
        parameters.optional_integer("orderId"),
        parameters.optional_integer("startTime"),
        parameters.optional_integer("endTime"),
        parameters.optional_integer("fromId"),
        parameters.limit(500, 1000),
    )
    return [wire_orders.my_trade(trade) for trade in found]


def commission(call: Call) -> Json:
    """``GET account/commission``."""
    symbol = call.parameters.text("symbol", SYMBOL_FORM)
    exchange = call.context.exchange
    return wire_orders.commission(exchange.rules(symbol).symbol, exchange.account_state(call.account))


def order_rate_limits(call: Call) -> list[Json]:
    """``GET rateLimit/order``."""
    return call.context.orders.wire(call.account, call.context.server_time_ms())


def trade_fees(call: Call) -> list[Json]:
    """``GET sapi asset/tradeFee``."""
    symbol = call.parameters.optional_text("symbol", SYMBOL_FORM)
    exchange = call.context.exchange
    state = exchange.account_state(call.account)
    rules = exchange.symbols() if symbol is None else [exchange.rules(symbol)]
    return [
        {
            "symbol": rule.symbol,
            "makerCommission": _plain_rate(state.maker_fee_bps),
            "takerCommission": _plain_rate(state.taker_fee_bps),
        }
        for rule in rules
    ]


def coins(call: Call) -> list[Json]:
    """``GET sapi capital/config/getall``: the traded assets; money comes and goes by the control endpoint only."""
    exchange = call.context.exchange
    held = {balance.asset: balance for balance in exchange.account_state(call.account).balances}
    assets = {asset for rule in exchange.symbols() for asset in (rule.base_asset, rule.quote_asset)}
    return [
        {
            "coin": asset,
            "name": asset,
            "free": amount(held[asset].free if asset in held else Decimal(0)),
            "locked": amount(held[asset].locked if asset in held else Decimal(0)),
            "freeze": "0",
            "withdrawing": "0",
            "ipoing": "0",
            "ipoable": "0",
            "storage": "0",
            "isLegalMoney": False,
            "trading": True,
            "depositAllEnable": False,
            "withdrawAllEnable": False,
            "networkList": [],
        }
        for asset in sorted(assets | set(held))
    ]


def api_restrictions(call: Call) -> Json:
    """``GET sapi account/apiRestrictions``: what the key may do."""
    permissions = call.context.key_permissions
    return {
        "ipRestrict": permissions.ip_restrict,
        "createTime": 1_700_000_000_000,
        "enableReading": True,
        "enableWithdrawals": permissions.withdraw,
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": False,
        "permitsUniversalTransfer": False,
        "enableVanillaOptions": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
        "enableSpotAndMarginTrading": permissions.trade,
        "enablePortfolioMarginTrading": False,
    }


def deposits(call: Call) -> list[Json]:
    """``GET sapi capital/deposit/hisrec``: credited deposits, newest first."""
    coin = call.parameters.optional_text("coin", SYMBOL_FORM)
    found = call.context.exchange.transfers(call.account, deposits=True, limit=call.parameters.limit(1000, 1000))
    return [
        {
            "id": f"d{deposit.transfer_id}",
            "amount": _plain_amount(deposit.amount),
            "coin": deposit.asset,
            "network": deposit.asset,
            "status": 1,
            "address": "simulated",
            "addressTag": "",
            "txId": f"simulated-{deposit.transfer_id}",
            "insertTime": deposit.time_ms,
            "completeTime": deposit.time_ms,
            "transferType": 0,
            "confirmTimes": "1/1",
            "unlockConfirm": 1,
            "walletType": 0,
        }
        for deposit in found
        if coin in (None, deposit.asset)
    ]


def withdrawals(call: Call) -> list[Json]:
    """``GET sapi capital/withdraw/history``: completed withdrawals, newest first."""
    coin = call.parameters.optional_text("coin", SYMBOL_FORM)
    found = call.context.exchange.transfers(call.account, deposits=False, limit=call.parameters.limit(1000, 1000))
    return [
        {
            "id": f"w{withdrawal.transfer_id}",
            "amount": _plain_amount(-withdrawal.amount),
            "transactionFee": _plain_amount(withdrawal.fee),
            "coin": withdrawal.asset,
            "status": 6,
            "address": "simulated",
            "txId": f"simulated-{withdrawal.transfer_id}",
            "applyTime": _utc_text(withdrawal.time_ms),
            "network": withdrawal.asset,
            "transferType": 0,
            "info": "",
            "confirmNo": 1,
            "walletType": 0,
            "txKey": "",
            "completeTime": _utc_text(withdrawal.time_ms),
        }
        for withdrawal in found
        if coin in (None, withdrawal.asset)
    ]


def no_margin_pairs(call: Call) -> list[Json]:
    """``GET sapi margin/.../allPairs``: spot only; clients ask for these while loading markets."""
    call.parameters.finish()
    return []


def _plain_rate(fee_bps: Decimal) -> str:
    return f"{(fee_bps / 10_000).normalize():f}"


def _plain_amount(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _utc_text(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def _my_trades_weight(values: Mapping[str, str]) -> int:
    return 5 if "orderId" in values else 20


ROUTES = (
    Route("GET", "/api/v3/account", account, 20, ACCOUNT, Security.SIGNED),
    Route("GET", "/api/v3/account/commission", commission, 20, ACCOUNT, Security.SIGNED),
    Route("GET", "/api/v3/myTrades", my_trades, _my_trades_weight, ACCOUNT, Security.SIGNED),
    Route("GET", "/api/v3/rateLimit/order", order_rate_limits, 40, ACCOUNT, Security.SIGNED),
    Route("GET", "/sapi/v1/asset/tradeFee", trade_fees, 1, ACCOUNT, Security.SIGNED),
    Route("GET", "/sapi/v1/capital/config/getall", coins, 10, ACCOUNT, Security.SIGNED),
    Route("GET", "/sapi/v1/account/apiRestrictions", api_restrictions, 1, ACCOUNT, Security.SIGNED),
    Route("GET", "/sapi/v1/capital/deposit/hisrec", deposits, 1, ACCOUNT, Security.SIGNED),
    Route("GET", "/sapi/v1/capital/withdraw/history", withdrawals, 10, ACCOUNT, Security.SIGNED),
    Route("GET", "/sapi/v1/margin/allPairs", no_margin_pairs, 1, ACCOUNT, Security.SIGNED),
    Route("GET", "/sapi/v1/margin/isolated/allPairs", no_margin_pairs, 10, ACCOUNT, Security.SIGNED),
)
