"""``python -m reasondiff``."""

from __future__ import annotations

from reasondiff.cli import main

if __name__ == "__main__":
    main()
