"""Build the image as the release does, from what is committed, and test it in containers (`make image`).

Without a container engine it says why, and exits with status 3.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import exporter
from exporter.about import PROJECT_URL
from tests.image import base, promises
from tests.image.engine import CannotBeDone, Engine, engine

ROOT = Path(__file__).parent.parent.parent
FIGURES = ROOT / ".cache" / "reliability" / "image.json"
_NOT_DONE = 3


def main() -> int:
    """Return 0 where every test passes, 3 where none could be run."""
    folder = Path(tempfile.mkdtemp(prefix="exporter-image-"))
    try:
        with engine(folder) as running:
            figures = _hold(running, folder)
    except CannotBeDone as why:
        sys.stderr.write(f"NOT DONE: the image was neither built nor run: {why}\n")
        return _NOT_DONE
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(figures, indent=2) + "\n")
    for name, figure in figures.items():
        sys.stdout.write(f"{name}: {figure}\n")
    return 0


def _hold(running: Engine, folder: Path) -> dict[str, str | float]:
    _say("the base image")
    origin = base.provide(running, folder)
    _say(f"building on {origin}")
    labels = {"VERSION": exporter.__version__, "REVISION": _git("rev-parse", "HEAD"), "SOURCE": PROJECT_URL}
    arguments = [f"--build-arg={name}={value}" for name, value in {"BASE": origin, **labels}.items()]
    running.run("build", *running.network, *arguments, "--tag", promises.IMAGE, str(_exported(folder)))
    before = json.loads(running.run("image", "inspect", origin))[0]["Size"]
    figures = promises.built(running, labels)
    figures["image: MB beyond its base"] = round(float(figures.pop("image: size in MB")) - before / 1e6)
    _say("running it")
    figures |= promises.demo(running)
    promises.unhealthy(running)
    _say("running it without a shell")
    emptied = folder / "emptied"
    emptied.mkdir()
    promises.needs_no_shell(running, emptied)
    return {**figures, "image: its base": origin}


def _exported(folder: Path) -> Path:
    """Return a folder with the committed files."""
    context = folder / "context"
    context.mkdir()
    with subprocess.Popen(["git", "-C", str(ROOT), "archive", "HEAD"], stdout=subprocess.PIPE) as archive:
        subprocess.run(["tar", "-x", "-C", str(context)], stdin=archive.stdout, check=True)
    return context


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _say(what: str) -> None:
    sys.stderr.write(f"image: {what}\n")


if __name__ == "__main__":
    sys.exit(main())
