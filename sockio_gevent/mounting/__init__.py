"""How a listener comes before an application or onto a server, and what is checked at start."""
