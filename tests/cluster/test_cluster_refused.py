"""Who may take part in a cluster, and which clusters may be used."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from cluster_processes import Processes, Run, until

from napari_unet.cluster.connect import local_cluster, remote_cluster
from napari_unet.core.errors import UserError


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("tcp://192.0.2.7:8786", "no certificates: whoever reaches its port can run programs there"),
        ("tcp://no-such-host.invalid:8786", "is another computer"),
        ("tcp://0.0.0.0:8786", "is another computer"),
        ("http://127.0.0.1:8786", "is no address of a cluster"),
        ("127.0.0.1:8786", "is no address of a cluster"),
        ("tcp://127.0.0.1", "is no address of a cluster"),
        ("tcp://127.0.0.1:port", "is no address of a cluster"),
        ("tls://127.0.0.1:8786", "There are no certificates"),
    ],
)
def test_addresses_that_are_refused(address: str, why: str) -> None:
    with pytest.raises(UserError, match=why), remote_cluster(address):
        pass


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_unet.cluster import connect

    monkeypatch.setattr(connect, "_CONNECT_S", 0.5)
    with pytest.raises(UserError, match="cannot be reached"), remote_cluster("tcp://127.0.0.1:9"):
        pass


def test_more_workers_than_gpus() -> None:
    with (
        pytest.raises(UserError, match="3 workers cannot share 2 GPUs"),
        local_cluster(3, 2),
    ):
        pass


def test_both_are_wrong_usage(run: Run, images: Path, tmp_path: Path) -> None:
    asked = ("segment", images, "-o", tmp_path / "out", "--workers", 2, "--cluster", "tls://a:1")
    assert run(*asked).exit_code == 2


def test_without_dask_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"pip install 'napari-unet-lung\[cluster\]'"), local_cluster(1):
        pass


def test_workers_that_would_make_other_results(
    run: Run, processes: Processes, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version of the program, another library of models, a GPU for two; and none at all."""
    from napari_unet.cluster import connect

    processes.scheduler()
    asked = ("segment", images, "-o", tmp_path / "out", "--cluster", processes.address)

    def refused(workers: tuple[dict[str, str], ...], why: str) -> None:
        came = [processes.worker("--no-nanny", **env) for env in workers]
        with remote_cluster(processes.address) as client:
            client.wait_for_workers(len(came), timeout=60)
        done = run(*asked)
        assert isinstance(done.exception, UserError) and why in str(done.exception), done.output
        for worker in came:
            os.kill(worker.pid, signal.SIGTERM)
            until(lambda worker=worker: worker.poll() is not None, "the end of a worker")

    refused(({"TOY_VERSION": "0.0.1"},), "has napari-unet-lung 0.0.1; here it is")
    refused(({"TOY_GPU": "GPU-7"}, {"TOY_GPU": "GPU-7"}), "2 workers share one GPU. Start one for each")
    monkeypatch.setattr(connect, "_CONNECT_S", 0.5)
    done = run(*asked)
    assert isinstance(done.exception, UserError) and "has no worker" in str(done.exception)


@pytest.mark.slow
def test_a_worker_of_another_version_that_comes_later_gets_nothing_done(
    run: Run, processes: Processes, toy: Path, images: Path, tmp_path: Path
) -> None:
    """Its cases go to the others."""
    from concurrent.futures import ThreadPoolExecutor

    from cluster_processes import segmented

    (toy / "slow").write_text("0.5")
    processes.scheduler()
    good = processes.worker("--no-nanny")
    with ThreadPoolExecutor(1) as thread:
        work = thread.submit(segmented, processes.address, images, tmp_path / "out")
        until((toy / "ran").exists, "the first case")
        processes.worker("--no-nanny", TOY_VERSION="0.0.1")
        assert {result.row.error for result in work.result()} == {""}
    assert set((toy / "ran").read_text().split()) == {str(good.pid)}
