"""Which requests are ours, who may connect, and what the others are refused with."""
