"""The Dockerfile, as far as it can be judged without an engine; `make image` builds and runs it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.commands import ALLOCATOR

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_hadolint_reports_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_every_exception_to_the_linter_has_its_reason() -> None:
    lines = DOCKERFILE.splitlines()
    for number, line in enumerate(lines):
        if "hadolint ignore=" in line:
            assert lines[number - 1].startswith("# "), f"line {number + 1} says no reason"


def test_what_the_image_is_built_from_is_all_that_is_sent_to_the_engine() -> None:
    sent = {
        line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    copied = {
        word.split("/")[0]
        for words in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
        for word in words.split()
    }
    assert sent == copied


def test_the_base_is_pinned_by_its_digest_and_nothing_else_is_pulled() -> None:
    (base,) = re.findall(r"^ARG BASE=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert re.fullmatch(r"python:3\.\d+-slim@sha256:[0-9a-f]{64}", base)
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${BASE}"}


def test_nothing_is_installed_that_has_no_hash() -> None:
    for command in re.findall(r"pip[^&\n]* install[^&\n]*", DOCKERFILE):
        assert "--require-hashes" in command or "--no-deps" in command, command


def test_the_service_returns_memory_to_the_system_as_the_image_does() -> None:
    unit = (ROOT / "deploy/systemd/mimecast-exporter.service").read_text().splitlines()
    assert ALLOCATOR
    for name, value in ALLOCATOR.items():
        assert f"Environment={name}={value}" in unit
