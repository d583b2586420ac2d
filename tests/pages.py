"""The Python blocks of a page of documentation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs"


def blocks(page: str) -> dict[str, list[str]]:
    """The blocks below each heading, in their order."""
    found: dict[str, list[str]] = {}
    heading, text = "", (DOCS / page).read_text(encoding="utf-8")
    for part in re.split(r"^(## [^\n]*|```python\n.*?^```)$", text, flags=re.MULTILINE | re.DOTALL):
        if part.startswith("## "):
            heading = part.removeprefix("## ")
        elif part.startswith("```python\n"):
            found.setdefault(heading, []).append(part.removeprefix("```python\n").removesuffix("```"))
    return found


def run(page: str, heading: str, scope: dict[str, Any]) -> dict[str, Any]:
    """Run the blocks below a heading in ``scope``, as if they stood in a file of that name."""
    for block in blocks(page)[heading]:
        exec(compile(block, f"docs/{page}, {heading}", "exec"), scope)
    return scope
