"""Inputs without end for the parsers and for the life of a session; see README.rst."""
