"""How a listener is put before an application or onto a server, and the checks at start."""
