"""Servers and files that nobody here wrote, in places of their own; see ``make test-packages``."""
