"""Trading strategies: pure judgements on windows of closed candles (see `base`)."""
