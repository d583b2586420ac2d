"""The studio's built page: what ``studio/`` makes, committed, so that an install needs no Node."""

from __future__ import annotations

from pathlib import Path

__all__ = ["DIST"]

DIST = Path(__file__).parent / "dist"
"""``index.html`` and what it loads; ``make test-studio`` compares it with a rebuild."""
