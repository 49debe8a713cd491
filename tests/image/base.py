"""The image that the Dockerfile begins with, where no registry has it: a Debian of this machine's archive.

Knows Debian; knows nothing of the exporter.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.image.engine import CannotBeDone, Engine

NAME = "python:3.13-slim"
#: Debian's release that has this Python.
_RELEASE = "trixie"
_PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def provide(engine: Engine, folder: Path) -> str:
    """Let the engine have the base image; says where it came from.

    Raises:
        CannotBeDone: it is not there, cannot be pulled, and cannot be made.

    """
    if engine.has(NAME):
        return "the registry's"
    program = shutil.which("debootstrap")
    if program is None:
        raise CannotBeDone(f"{NAME} can neither be pulled nor be made: that takes debootstrap")
    root = folder / "root"
    made = subprocess.run(
        [program, "--variant=minbase", f"--include={_PACKAGES}", _RELEASE, str(root), _mirror()],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode:
        raise CannotBeDone(f"debootstrap ended with {made.returncode}:\n{(made.stdout + made.stderr)[-2000:]}")
    _resemble(root)
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as packing:
        imported = subprocess.run(
            [*engine.command, "import", "-", NAME], stdin=packing.stdout, capture_output=True, check=False
        )
    if imported.returncode:
        raise CannotBeDone(f"the base image cannot be imported: {imported.stderr.decode()}")
    shutil.rmtree(root)
    return f"Debian {_RELEASE}, made by debootstrap"


def _mirror() -> str:
    """The archive that this machine's apt uses."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)"], capture_output=True, text=True, check=False
    ).stdout.split()
    if not listed:
        raise CannotBeDone("apt-get knows no archive of Debian packages")
    return listed[0]


def _resemble(root: Path) -> None:
    """Name Python as the registry's image does, and trust whom this machine trusts."""
    for name in ("python", "python3.13"):
        target = root / "usr/local/bin" / name
        if not target.exists():
            target.symlink_to("/usr/bin/python3")
    if _CERTIFICATES.exists():
        shutil.copy(_CERTIFICATES, root / _CERTIFICATES.relative_to("/"))
    # Debian's pip does not install outside an environment unless it is told; the registry's image has no such mark.
    for mark in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        mark.unlink()
