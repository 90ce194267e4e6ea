"""Requests: the handler of gevent's server within limits, and what other servers pass on."""
