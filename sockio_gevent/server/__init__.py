"""Where the bytes come from: requests, upgrades and the sockets behind them."""
