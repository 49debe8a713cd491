"""Variables of the multiprocess mode of prometheus_client change nothing: the exporter is one process."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.commands import running


@pytest.mark.parametrize("name", ["PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"])
@pytest.mark.parametrize("there", [False, True])
def test_a_folder_for_several_processes_is_neither_needed_nor_written_into(
    name: str, there: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "metrics"
    if there:
        folder.mkdir()
    with running("demo", "--web.listen-address=127.0.0.1:0", environ={name: str(folder)}) as demo:
        text = httpx.get(demo.base_url + "/metrics", trust_env=False).text
        assert demo.end() == 0
    assert "Traceback" not in demo.output
    assert "\nmimecast_exporter_build_info{" in text
    assert "\nprocess_cpu_seconds_total " in text
    assert list(tmp_path.rglob("*.db")) == []
