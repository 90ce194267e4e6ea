"""Reference implementations: slow, plain, and written from the specifications alone."""
