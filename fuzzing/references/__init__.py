"""The same once more: slow, plain, and written from the specifications alone."""
