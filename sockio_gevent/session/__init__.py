"""One session's life: its outbox, its deadlines, the order of its handlers, its end."""
