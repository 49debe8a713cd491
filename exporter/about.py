"""The version and revision of this build, and the address of the project."""

from __future__ import annotations

from pathlib import Path

from exporter import __version__

#: A placeholder until the project is published; a test checks that every link uses it.
PROJECT_URL = "https://example.com/mimecast-exporter"
#: Where the files of the repository can be read; a path follows.
FILES_URL = f"{PROJECT_URL}/blob/main"
#: The revision of a source folder or of a build without Git.
UNKNOWN_REVISION = "unknown"

VERSION = __version__


def revision() -> str:
    """Return the Git commit that the package was built from, or `unknown`."""
    recorded = Path(__file__).with_name("revision.txt")
    return recorded.read_text("ascii").strip() if recorded.is_file() else UNKNOWN_REVISION


def version_line() -> str:
    """Return what `--version` prints."""
    return f"mimecast-exporter {VERSION} (revision {revision()})"
