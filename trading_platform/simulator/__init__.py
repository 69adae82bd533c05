"""A simulated exchange that speaks Binance's spot wire protocol, a server of its own."""
