"""Sockets after their HTTP request: read without a greenlet, written without waiting."""
