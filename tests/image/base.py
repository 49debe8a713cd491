"""The image that the Dockerfile begins with, or a Debian image in its place where no registry can be reached."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from tests.image.engine import CannotBeDone, Engine

_DOCKERFILE = Path(__file__).parent.parent.parent / "Dockerfile"
#: What the image is called that takes the place of the Dockerfile's own base.
_SUBSTITUTE = "mimecast-exporter-base:substitute"
#: Debian's release that has this Python.
_RELEASE = "trixie"
_PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def provide(engine: Engine, folder: Path) -> str:
    """Return the name of an image that the engine has: the Dockerfile's base, else a Debian with the same Python.

    Raises:
        CannotBeDone: The base can be neither pulled nor replaced.

    """
    pinned = re.findall(r"^ARG BASE=(\S+)$", _DOCKERFILE.read_text(), re.MULTILINE)[0]
    if engine.has(pinned):
        return str(pinned)
    program = shutil.which("debootstrap")
    if program is None:
        raise CannotBeDone(f"{pinned} can be neither pulled nor replaced: debootstrap is missing")
    root = folder / "root"
    made = subprocess.run(
        [program, "--variant=minbase", f"--include={_PACKAGES}", _RELEASE, str(root), _mirror()],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode:
        raise CannotBeDone(f"debootstrap ended with {made.returncode}:\n{(made.stdout + made.stderr)[-2000:]}")
    _resemble(root)
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as archive:
        imported = subprocess.run(
            [*engine.command, "import", "-", _SUBSTITUTE], stdin=archive.stdout, capture_output=True, check=False
        )
    if imported.returncode:
        raise CannotBeDone(f"the base image cannot be imported: {imported.stderr.decode()}")
    shutil.rmtree(root)
    return _SUBSTITUTE


def _mirror() -> str:
    """Return the archive that apt uses on this machine."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)"], capture_output=True, text=True, check=False
    ).stdout.split()
    if not listed:
        raise CannotBeDone("apt-get knows no archive of Debian packages")
    return listed[0]


def _resemble(root: Path) -> None:
    """Name Python as the official image does, and trust the certificates that this machine trusts."""
    for name in ("python", "python3.13"):
        target = root / "usr/local/bin" / name
        if not target.exists():
            target.symlink_to("/usr/bin/python3")
    if _CERTIFICATES.exists():
        shutil.copy(_CERTIFICATES, root / _CERTIFICATES.relative_to("/"))
    # Debian's pip refuses to install outside an environment where this file is; the official image has no such file.
    for mark in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        mark.unlink()
