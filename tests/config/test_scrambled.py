"""Configuration files as people break them: whatever the error, it names file and line and shows no secret."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.config import Config, ConfigError, load_file, redacted
from tests.config.writing import CATALOG

_SECRETS = ("Planted-client-secret-1", "Planted-app-key-2", "Planted-access-key-3", "UGxhbnRlZC1zZWNyZXQta2V5LTQ=")
_LINES = f"""\
accounts:
  - name: acme
    base_url: https://api.services.mimecast.com
    oauth2:
      client_id: id
      client_secret: {_SECRETS[0]}
  - name: globex
    region: eu
    hmac:
      app_id: id
      app_key: "{_SECRETS[1]}"
      access_key: '{_SECRETS[2]}'
      secret_key: {_SECRETS[3]}
    campaigns: {{exclude: ["Test.*"]}}
    labels: {{tier: gold}}
cache: {{ttl: 5m, max_stale: 1h}}
campaigns: {{include: [".*"], max_age: 400d, limit: 2000}}
api: {{timeout: 30s, max_response_size: 64MiB, concurrency: 20}}
""".splitlines()
_NOISE = ["\t", "- ", "  ", ": ", "#", "&a ", "*a", "!!str ", "<<: *a", "[", "}", "'", '"', "|", "${X}", "é", "\0", "%"]
_CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["drop", "double", "swap", "indent", "outdent", "noise before", "noise after", "cut"]),
        st.integers(0, len(_LINES) - 1),
        st.sampled_from(_NOISE),
    ),
    max_size=4,
)


def _changed(lines: list[str], change: str, place: int, noise: str) -> list[str]:
    place = min(place, len(lines) - 1)
    line, before, after = lines[place], lines[:place], lines[place + 1 :]
    new = {
        "drop": [],
        "double": [line, line],
        "swap": [*after[:1], line],
        "indent": [f"  {line}"],
        "outdent": [line.removeprefix("  ")],
        "noise before": [noise + line],
        "noise after": [line + noise],
        "cut": [line[: line.find(":") + 1] if ":" in line else ""],
    }[change]
    return [*before, *new, *(after[1:] if change == "swap" else after)] or [""]


def _loaded(text: str) -> tuple[Path, Config | ConfigError]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(text)
        try:
            return path, load_file(path, environ={}, catalog=CATALOG)
        except ConfigError as error:
            return path, error


def test_the_file_to_scramble_is_valid() -> None:
    _, loaded = _loaded("\n".join(_LINES))
    assert isinstance(loaded, Config)
    assert redacted(loaded).count("<secret>") == len(_SECRETS)


@settings(max_examples=250, deadline=None, derandomize=True, database=None)
@given(changes=_CHANGES)
def test_a_scrambled_file_is_read_or_refused_by_place_and_never_shows_a_secret(
    changes: list[tuple[str, int, str]],
) -> None:
    lines = list(_LINES)
    for change, place, noise in changes:
        lines = _changed(lines, change, place, noise)
    path, loaded = _loaded("\n".join(lines))
    shown = redacted(loaded) if isinstance(loaded, Config) else str(loaded)
    assert [secret for secret in _SECRETS if secret in shown] == []
    if isinstance(loaded, ConfigError):
        assert all(problem.file == str(path) for problem in loaded.problems)
        assert all(1 <= (problem.line or 0) <= len(lines) + 1 for problem in loaded.problems)
