"""gevent's loops and greenlets: what belongs to one of them, and who has how much of its time."""
