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


def source_of(function: str) -> str:
    parts = function.split(".")
    files = [(ROOT / Path(*parts[:length])).with_suffix(".py") for length in range(len(parts), 0, -1)]
    return next(file for file in files if file.exists()).read_text()


def test_the_functions_whose_mutants_may_live_still_exist() -> None:
    named = {name for group in accepted() for name, _ in group.changes}
    assert [name for name in named if f"def {name.rpartition('.')[2]}(" not in source_of(name)] == []


def test_a_mutant_lives_for_a_reason_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tmp_path / "accepted.toml"
    listed.write_text('[[accepted]]\nreason = " "\nin."a.b" = ["-x"]\n')
    monkeypatch.setattr(lists, "ACCEPTED", listed)
    with pytest.raises(ValueError, match="a reason is missing"):
        accepted()
    listed.write_text(listed.read_text().replace('" "', '"It is the same."'))
    (group,) = accepted()
    assert group.reason == "It is the same."
    assert group.holds(Survivor("a.b", "-x = 1\n+x = 2"))
    assert not group.holds(Survivor("a.b", "-y = 1\n+y = 2"))
    assert not group.holds(Survivor("a.c", "-x = 1\n+x = 2"))
