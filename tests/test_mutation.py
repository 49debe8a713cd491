"""The list of mutants that may live; that no other one lives is seen by `make mutants`."""

from __future__ import annotations

from pathlib import Path

import pytest

from mutation import accepted as lists
from mutation.accepted import Survivor, accepted
from mutation.tree import Mutant

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("exporter.cache.xǁBackoffǁ_own_pause__mutmut_3", "exporter.cache.Backoff._own_pause"),
        ("exporter.cache.xǁCacheǁ__init____mutmut_12", "exporter.cache.Cache.__init__"),
        ("exporter.mimecast.auth.x_sign__mutmut_1", "exporter.mimecast.auth.sign"),
        ("exporter.mimecast.auth.x__token_in__mutmut_1", "exporter.mimecast.auth._token_in"),
    ],
)
def test_a_mutant_is_named_as_the_source_names_its_function(name: str, function: str) -> None:
    assert Mutant(name, ()).function == function


def source_of(survivor: Survivor) -> str:
    parts = survivor.function.split(".")
    files = [(ROOT / Path(*parts[:length])).with_suffix(".py") for length in range(len(parts), 0, -1)]
    return next(file for file in files if file.exists()).read_text()


def test_what_accepted_mutants_change_still_stands_in_the_source() -> None:
    gone = []
    for survivor in accepted():
        lines = {line.strip() for line in source_of(survivor).splitlines()}
        gone += [line for line in survivor.change.splitlines() if line.startswith("-") and line[1:] not in lines]
    assert gone == []


def test_a_mutant_without_a_reason_is_not_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tmp_path / "accepted.toml"
    listed.write_text('[[accepted]]\nreason = " "\nmutants = [{function = "a.b", change = "-x\\n+y"}]\n')
    monkeypatch.setattr(lists, "ACCEPTED", listed)
    with pytest.raises(ValueError, match="a reason is missing"):
        accepted()
    listed.write_text(listed.read_text().replace('" "', '"It is the same."'))
    assert accepted() == {Survivor("a.b", "-x\n+y"): "It is the same."}
