"""The soak: sessions that come and go, clients that misbehave, and the checks meanwhile."""
