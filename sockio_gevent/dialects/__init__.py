"""The dialects: one for each generation of clients."""
