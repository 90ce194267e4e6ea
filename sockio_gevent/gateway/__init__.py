"""The gateway: which requests are ours, who may connect, and how others are refused."""
