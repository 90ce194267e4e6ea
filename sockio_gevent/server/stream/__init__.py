"""Sockets after their request."""
