"""The bytes on the wire: pure functions and small parsers, one format each.

Nothing here imports gevent, opens a socket or reads a clock, so all of it is
tested with bytes alone.
"""
