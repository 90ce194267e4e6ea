"""HTTP requests: gevent's handler with limits, a fast path and upgrades, and other servers."""
