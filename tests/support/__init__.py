"""Helpers of the tests: servers in processes, and small clients written after the protocol page."""
