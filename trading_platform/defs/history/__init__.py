"""The candles' past, a partition per day."""
