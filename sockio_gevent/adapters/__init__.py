"""What is meant for all clients, between workers: an adapter for each kind of bus, the emitter."""
