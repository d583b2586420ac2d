"""The built page that an install carries; that it is what ``studio/`` builds is shown by ``make test-studio``."""

from __future__ import annotations

import gzip
import re

from reasondiff.studio import DIST


def test_it_is_small() -> None:
    assert sum(len(gzip.compress(path.read_bytes())) for path in DIST.iterdir()) <= 150_000


def test_it_loads_its_own_files_and_no_others() -> None:
    page = (DIST / "index.html").read_text(encoding="utf-8")
    script = (DIST / "index.js").read_text(encoding="utf-8")
    loaded = {*re.findall(r'(?:src|href)="\./([^"]+)"', page), *re.findall(r"[\w-]+\.png", script)}
    assert loaded == {path.name for path in DIST.iterdir() if path.name != "index.html"}
    for path in DIST.iterdir():
        addresses = re.findall(rb"https?://[\w.]+", path.read_bytes())
        assert set(addresses) <= {b"http://www.w3.org"}, path.name  # a namespace, not an address


def test_a_content_security_policy_of_the_page_alone_holds() -> None:
    """No script and no style stands in the page or in an attribute."""
    page = (DIST / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script[^>]*>(?!</script>)", page) == []
    assert "<style" not in page
    assert " style=" not in page
    assert not re.search(r"\beval\(|new Function\(", (DIST / "index.js").read_text(encoding="utf-8"))
