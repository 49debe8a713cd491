"""Steps of the build: the wheel records the Git revision, and links in the package's description are absolute."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

#: Where the revision is recorded, in the source distribution and in the wheel.
_REVISION = "exporter/revision.txt"
#: A link or an image of Markdown whose target is a path of this repository.
_RELATIVE_LINK = re.compile(r"(!?)(\[[^\]]*\])\((?![a-z]+:|#)([^)\s]+)\)")


class RevisionHook(BuildHookInterface[Any]):
    """Record the revision in `exporter/revision.txt`, if it is known."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the file to the build; without a revision there is no file."""
        root = Path(self.root)
        revision = os.environ.get("SOURCE_REVISION") or _git_revision(root)
        if revision is None or (root / _REVISION).exists():
            return
        recorded = Path(self.directory) / "revision.txt"
        recorded.parent.mkdir(parents=True, exist_ok=True)
        recorded.write_text(f"{revision}\n")
        build_data["force_include"][str(recorded)] = _REVISION

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what `initialize` wrote beside the artefact."""
        (Path(self.directory) / "revision.txt").unlink(missing_ok=True)


class DescriptionHook(MetadataHookInterface):
    """Take README.md for the package's description, with absolute links."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Set `readme`."""
        text = (Path(self.root) / "README.md").read_text("utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": absolute_links(text, metadata["urls"])}


def absolute_links(text: str, urls: Mapping[str, str]) -> str:
    """Return Markdown in which every path of the repository is a URL below the project's address."""
    home = urls["Homepage"]

    def absolute(match: re.Match[str]) -> str:
        image, label, target = match.groups()
        return f"{image}{label}({home}/{'raw' if image else 'blob'}/main/{target})"

    return _RELATIVE_LINK.sub(absolute, text)


def _git_revision(root: Path) -> str | None:
    """Return the commit, with `-dirty` if files differ from it; None without Git or outside its work tree."""
    command = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    # A repository further up is another project's.
    environ = {**os.environ, "GIT_CEILING_DIRECTORIES": str(root.parent)}
    try:
        done = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
