"""The soak: sessions that come and go, clients that misbehave, and what must hold meanwhile."""
