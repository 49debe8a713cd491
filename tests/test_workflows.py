""".github: what the linters of workflows say, and what each workflow must keep to."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import __version__

ROOT = Path(__file__).parent.parent
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = [form for form in sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml")) if form.name != "config.yml"]
BIN = Path(sys.executable).parent


def output_of(program: str, *arguments: str | Path) -> tuple[int, str]:
    done = subprocess.run([BIN / program, *arguments], capture_output=True, text=True, check=False, cwd=ROOT)
    return done.returncode, done.stdout + done.stderr


def parsed(workflow: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(workflow.read_text())
    return found


def named(path: Path) -> str:
    return path.name


def test_actionlint_reports_nothing() -> None:
    assert output_of("actionlint", "-shellcheck", str(BIN / "shellcheck"), *WORKFLOWS) == (0, "")


def test_zizmor_reports_nothing() -> None:
    code, output = output_of("zizmor", "--offline", "--no-progress", "--quiet", "--persona=pedantic", ".github")
    assert code == 0, output


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.renovate", [GITHUB / "renovate.json"]),
        ("vendor.github-issue-forms", FORMS),
        ("vendor.github-issue-config", [GITHUB / "ISSUE_TEMPLATE" / "config.yml"]),
    ],
)
def test_files_are_what_their_schema_describes(schema: str, files: list[Path]) -> None:
    assert files
    code, output = output_of("check-jsonschema", "--builtin-schema", schema, *files)
    assert code == 0, output


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=named)
def test_every_action_is_pinned_by_its_commit_and_names_its_version(workflow: Path) -> None:
    for line in workflow.read_text().splitlines():
        action = re.match(r"\s*(?:- )?uses: (?!\$/)(.*)", line)
        if action:
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action[1]), line


def test_one_action_has_one_version() -> None:
    text = "".join(workflow.read_text() for workflow in WORKFLOWS)
    pins = set(re.findall(r"uses: ([\w.-]+/[\w.-]+)@(\S+)", text))
    assert len({action for action, _ in pins}) == len(pins)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=named)
def test_a_workflow_gives_no_permission_and_each_job_names_its_own(workflow: Path) -> None:
    content = parsed(workflow)
    assert content["permissions"] == {}
    assert all("permissions" in job for job in content["jobs"].values())


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=named)
def test_no_workflow_names_an_owner_of_this_repository(workflow: Path) -> None:
    assert not re.search(r"(github\.com|ghcr\.io)/(?!\$)\w", workflow.read_text())


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=named)
def test_every_make_target_and_script_that_a_workflow_runs_exists(workflow: Path) -> None:
    text = workflow.read_text()
    targets = set(re.findall(r"^\.PHONY: (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", text)) <= targets
    assert all((ROOT / script).exists() for script in re.findall(r"run: (\./?\S+)", text))


def test_ci_covers_the_pythons_that_the_project_claims_and_both_prometheus() -> None:
    runs = parsed(GITHUB / "workflows" / "ci.yml")["jobs"]["test"]["strategy"]["matrix"]["include"]
    claimed = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text())
    assert {run["python"] for run in runs} == set(claimed)
    assert {run["prometheus"] for run in runs} == {2, 3}
    assert {run["dependencies"] for run in runs} == {"locked", "newest"}


def test_the_required_check_waits_for_every_other_job() -> None:
    jobs = parsed(GITHUB / "workflows" / "ci.yml")["jobs"]
    assert set(jobs["complete"]["needs"]) == set(jobs) - {"complete"}


def release_step(job: str, prefix: str) -> dict[str, Any]:
    steps = parsed(GITHUB / "workflows" / "release.yml")["jobs"][job]["steps"]
    (found,) = [step for step in steps if step.get("uses", step.get("name", "")).startswith(prefix)]
    return dict(found)


def test_the_released_image_has_both_architectures_a_bill_of_materials_and_provenance() -> None:
    build = release_step("image", "docker/build-push-action")["with"]
    assert build["platforms"] == "linux/amd64,linux/arm64"
    assert (build["sbom"], build["provenance"]) == (True, "mode=max")
    arguments = {line.partition("=")[0] for line in build["build-args"].splitlines()}
    declared = set(re.findall(r"^ARG (\w+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    assert arguments == declared - {"BASE"}


def test_release_notes_are_the_section_of_the_version(tmp_path: Path) -> None:
    script = release_step("release", "Create the release")["run"]
    command = next(line for line in script.splitlines() if line.startswith("awk"))
    changelog = (ROOT / "CHANGELOG.md").read_text()
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n## [9.9.9] - 2030-01-01\n\n- New.\n{changelog}")
    for version, expected in (("9.9.9", "- New."), (__version__, "### Added")):
        subprocess.run(["sh", "-c", f"version={version}\n{command}"], cwd=tmp_path, check=True)
        notes = (tmp_path / "notes.md").read_text()
        assert expected in notes
        assert "## [" not in notes.replace("###", "")
