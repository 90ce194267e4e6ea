"""The options of a listener: what they mean, and what is wrong with a value."""
