"""gevent's loops: what exists once for each, its deadlines, and how greenlets share its time."""
