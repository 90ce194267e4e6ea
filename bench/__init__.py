"""The benchmark; see README.rst beside this file."""
