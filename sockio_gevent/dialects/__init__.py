"""How each generation of clients is spoken to."""
