"""Servers that nobody here wrote, started from an environment of their own; see ``make test-servers``."""
