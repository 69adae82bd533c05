"""A data and trading platform: market data becomes risk-checked orders, every step a Dagster asset, check or run."""
