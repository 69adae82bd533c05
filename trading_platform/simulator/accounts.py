"""Who owns what. Every movement has two sides, so that the books balance by construction."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from trading_platform.simulator.config import AccountConfig
from trading_platform.simulator.model import ZERO, Balance, Totals
from trading_platform.simulator.store import Store

VENUE = "@venue"  # the counterparty of every trade: the rest of the market
FEES = "@fees"
DEPOSITS = "@deposits"  # where initial balances come from; counts what was paid in, negated


class Transfer(NamedTuple):
    """A trade as the books see it. The commission is part of what's received."""

    account: str
    paid_asset: str
    paid: Decimal
    received_asset: str
    received: Decimal
    commission: Decimal


class Accounts:
    """Balances of all accounts, the venue and the fees, in memory and on disk."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._balances: dict[tuple[str, str], Balance] = {}
        self._changed: set[tuple[str, str]] = set()
        self.reload()

    def reload(self) -> None:
        """Forget what wasn't committed."""
        self._balances = {
            (account, asset): Balance(asset, free, locked) for account, asset, free, locked in self._store.balances()
        }
        self._changed.clear()

    def open(self, configs: Iterable[AccountConfig]) -> None:
        """Pay in the balances of accounts that weren't here before."""
        known = {account for account, _ in self._balances}
        for config in configs:
            if config.name in known:
                continue
            for asset, amount in config.balances.items():
                self._add(config.name, asset, amount)
                self._add(DEPOSITS, asset, -amount)
        self._changed.clear()

    def balance(self, account: str, asset: str) -> Balance:
        """An account's balance of one asset."""
        return self._balances.get((account, asset), Balance(asset, ZERO, ZERO))

    def balances(self, account: str) -> tuple[Balance, ...]:
        """An account's balances, by asset."""
        return tuple(sorted(b for (owner, _), b in self._balances.items() if owner == account))

    def take_changes(self) -> dict[str, tuple[Balance, ...]]:
        """Balances that changed since the last call, by account."""
        changed: dict[str, tuple[Balance, ...]] = {}
        for account, asset in sorted(self._changed):
            changed[account] = (*changed.get(account, ()), self.balance(account, asset))
        self._changed.clear()
        return changed

    def lock(self, account: str, asset: str, amount: Decimal) -> None:
        """Move an amount from free to locked, back if it's negative."""
        if amount:
            free, locked = self.balance(account, asset)[1:]
            self._set(account, Balance(asset, free - amount, locked + amount))

    def settle(self, transfer: Transfer) -> None:
        """Book a trade against the venue, from and to the free balance."""
        self._add(transfer.account, transfer.paid_asset, -transfer.paid)
        self._add(VENUE, transfer.paid_asset, transfer.paid)
        self._add(transfer.account, transfer.received_asset, transfer.received - transfer.commission)
        self._add(FEES, transfer.received_asset, transfer.commission)
        self._add(VENUE, transfer.received_asset, -transfer.received)

    def transfer(self, account: str, asset: str, amount: Decimal) -> None:
        """Pay in, or (negative) out, from the free balance."""
        self._add(account, asset, amount)
        self._add(DEPOSITS, asset, -amount)

    def totals(self) -> list[Totals]:
        """Where every unit of every asset is."""
        return [
            Totals(
                asset,
                deposits=-self.balance(DEPOSITS, asset).free,
                accounts=sum(
                    (b.free + b.locked for (a, _), b in self._balances.items()
                     if b.asset == asset and not a.startswith("@")),
                    ZERO,
                ),
                venue=self.balance(VENUE, asset).free,
                fees=self.balance(FEES, asset).free,
            )
            for asset in sorted({asset for _, asset in self._balances})
        ]  # fmt: skip

    def _add(self, account: str, asset: str, amount: Decimal) -> None:
        balance = self.balance(account, asset)
        self._set(account, balance._replace(free=balance.free + amount))

    def _set(self, account: str, balance: Balance) -> None:
        if not account.startswith("@") and (balance.free < 0 or balance.locked < 0):
            raise ValueError(f"the balance of {account} would turn negative: {balance}")
        self._balances[account, balance.asset] = balance
        if not account.startswith("@"):
            self._changed.add((account, balance.asset))
        self._store.save_balance(account, *balance)
