"""The workers that serve one application, and the bus between them."""
