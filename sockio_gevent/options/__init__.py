"""The options of a listener: their defaults, the checks of their values, and the rules they set."""
