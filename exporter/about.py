"""What this build is: its version, the revision it was built from, and the project's address."""

from __future__ import annotations

from importlib.resources import files

from exporter import __version__

#: The project's address. The project has no home yet; a test holds every link to this address.
PROJECT_URL = "https://example.com/mimecast-exporter"
#: Where the files of the repository can be read; a path follows.
FILES_URL = f"{PROJECT_URL}/blob/main"
#: What stands for a revision that is not known, as in a source folder or a build without Git.
UNKNOWN_REVISION = "unknown"

VERSION = __version__


def revision() -> str:
    """Return the Git commit that the package was built from; `unknown` where the build did not record one."""
    recorded = files("exporter") / "revision.txt"
    return recorded.read_text("ascii").strip() if recorded.is_file() else UNKNOWN_REVISION


def version_line() -> str:
    """Return what `--version` prints."""
    return f"mimecast-exporter {VERSION} (revision {revision()})"
