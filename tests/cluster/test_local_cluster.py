"""`--workers`: processes on this computer that nobody else can use, gone when the run is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil
import pytest
from cluster_processes import Run, ended, environment, made_images, rows, until

from napari_unet.cluster import connect
from napari_unet.cluster.connect import local_cluster


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the workers may write; they have toys for networks."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(connect, "_scratch", lambda: folder)
    (tmp_path / "toys").mkdir()
    for name, value in environment(tmp_path / "toys").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(connect._CONFIG, "distributed.worker.preload", ["toy_worker"])
    return folder


def test_two_workers_do_what_one_process_does(run: Run, scratch: Path, images: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    done = run("segment", images, "-o", out, "--workers", 2)
    assert done.exit_code == 0 and "8 of 8 segmented" in done.output, done.output
    assert set(rows(out).values()) == {""} and len(ended(out)) == 8
    ran = (tmp_path / "toys" / "ran").read_text().split()
    assert len(ran) == 8 and 1 <= len(set(ran)) <= 2
    again = run("segment", images, "-o", out, "--resume")
    assert "8 of 8 segmented, 8 of them before" in again.output, "what ran elsewhere stands here too"
    assert [path for path in scratch.rglob("*") if path.is_file() and "lock" not in path.name] == []
    left = [child for child in psutil.Process().children(recursive=True) if child.pid not in before]
    assert not [child for child in left if "toy" in " ".join(child.cmdline())]


def test_nobody_else_gets_in(scratch: Path) -> None:
    """Its port is this computer's only, and asks for a certificate that only this run has."""
    from distributed import Client, Security

    with local_cluster(1) as client:
        address = client.scheduler.address
        assert address.startswith("tls://127.0.0.1:")
        for port in client.scheduler_info()["services"].values():
            for page in ("info/main/workers.html", "status", "json/counts.json"):
                with pytest.raises(HTTPError, match="404"):
                    urlopen(f"http://127.0.0.1:{port}/{page}")
        for other, security in ((address.replace("tls", "tcp"), None), (address, Security.temporary())):
            with pytest.raises(OSError):
                Client(other, security=security, timeout=1, set_as_default=False)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_ends_the_workers_too(run: Run, scratch: Path, tmp_path: Path) -> None:
    """As in a terminal, where all processes get it; what was made stands."""
    images, out, toys = made_images(tmp_path / "in", 30), tmp_path / "out", tmp_path / "toys"
    (toys / "slow").write_text("0.3")
    program = (
        "import toy_worker; toy_worker.use_toys(toy_worker.HANDLERS)\n"
        "from napari_unet.cluster import connect\n"
        "connect._CONFIG['distributed.worker.preload'] = ['toy_worker']\n"
        "from napari_unet.cli.main import main\n"
        "main()"
    )
    asked = ("segment", str(images), "-o", str(out), "--workers", "2")
    env = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    client = subprocess.Popen([sys.executable, "-c", program, *asked], env=env, start_new_session=True)
    until((toys / "ran").exists, "the first case")
    workers = psutil.Process(client.pid).children(recursive=True)
    os.killpg(client.pid, signal.SIGINT)
    assert client.wait(timeout=60) == 130
    assert psutil.wait_procs(workers, timeout=10)[1] == []
    done = run("segment", images, "-o", out, "--resume")
    assert done.exit_code == 0 and "30 of 30 segmented" in done.output, done.output
