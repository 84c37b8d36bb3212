"""The way to a cluster: workers on this computer, or a scheduler that runs somewhere."""

from __future__ import annotations

import importlib.util
import ipaddress
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from napari_unet.core.errors import UserError
from napari_unet.core.wording import counted

if TYPE_CHECKING:
    from distributed import Client

_CONNECT_S = 30.0
_START_S = 120.0
_TLS = (
    "Name the certificates in Dask's configuration: DASK_DISTRIBUTED__COMM__TLS__CA_FILE, "
    "DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT and DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY."
)
# Nothing of a patient is to lie on a disk or to be drawn, and a case goes to whoever is free.
_CONFIG: dict[str, Any] = {
    "distributed.admin.large-graph-warning-threshold": "1 TiB",
    "distributed.scheduler.allowed-failures": 2,
    "distributed.scheduler.http.routes": [],
    "distributed.scheduler.worker-ttl": "60s",
    "distributed.worker.http.routes": [],
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.profile.enabled": False,
}


@contextmanager
def local_cluster(workers: int, gpus: int = 0) -> Iterator[Client]:
    """`workers` processes on this computer, until the block ends; nobody else can connect to them.

    gpus : where there are some, each worker has one of its own. Raises UserError if there are fewer.
    """
    _need_dask()
    import dask
    from distributed import Client, Nanny, Scheduler, Security, SpecCluster

    if gpus and workers > gpus:
        raise UserError(
            f"{counted(workers, 'worker')} cannot share {counted(gpus, 'GPU')}.",
            f"Use --workers {gpus}, or --device cpu.",
        )
    security = Security.temporary()
    common = {"host": "127.0.0.1", "protocol": "tls://", "security": security, "dashboard": False}
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(gpus)))).split(",")
    threads = max(1, (os.cpu_count() or 1) // workers)

    def worker(number: int) -> dict[str, Any]:
        env = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        if gpus > 1:
            env["CUDA_VISIBLE_DEVICES"] = visible[number]
        options = {
            **common,
            "nthreads": 3 if gpus else 1,  # one at the network, the others read and write
            "memory_limit": 0,
            "local_directory": str(_scratch()),
            "env": env,
            "silence_logs": logging.CRITICAL,
        }
        return {"cls": Nanny, "options": options}

    with dask.config.set(_CONFIG):
        cluster = SpecCluster(
            scheduler={
                "cls": Scheduler,
                "options": {**common, "port": 0, "dashboard_address": "127.0.0.1:0"},
            },
            workers={number: worker(number) for number in range(workers)},
            security=security,
            silence_logs=logging.CRITICAL,
        )
        with cluster, Client(cluster, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=_START_S)
            yield client


@contextmanager
def remote_cluster(address: str) -> Iterator[Client]:
    """The scheduler at tcp://HOST:PORT of this computer, or tls://HOST:PORT of any.

    Raises UserError if it is not there, has no worker, or is not to be trusted.
    """
    url = _checked(address)
    _need_dask()
    import dask
    from distributed import Client, Security

    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TiB"}):
        security = Security(require_encryption=True) if url.startswith("tls://") else Security()
        if security.require_encryption and not (security.tls_ca_file and security.tls_client_cert):
            raise UserError(f"There are no certificates for {address}.", _TLS)
        try:
            client = Client(url, security=security, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise UserError(
                f"The scheduler {address} cannot be reached ({error}).",
                "Start it with `dask scheduler`, and see whether the address and the certificates are right.",
            ) from error
        with client:
            try:
                client.wait_for_workers(1, timeout=_CONNECT_S)
            except TimeoutError as error:
                raise UserError(
                    f"The cluster {address} has no worker.", "Start some: dask worker."
                ) from error
            yield client


def _checked(address: str) -> str:
    """The address, if nobody but those with a certificate can reach it from elsewhere."""
    parts = urlsplit(address)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in ("tcp", "tls") or not parts.hostname or port is None:
        raise UserError(f"{address} is no address of a cluster.", "Write tls://HOST:PORT.")
    if parts.scheme == "tcp" and not _is_here(parts.hostname):
        raise UserError(
            f"{address} is another computer, and tcp:// has no certificates: whoever reaches its port "
            "can run programs there and sees the patients.",
            "Start scheduler and workers with certificates, and use tls://. Or tunnel the port: ssh -L.",
        )
    return address


def _is_here(host: str) -> bool:
    """Whether the name means this computer's loopback only."""
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return bool(found) and all(ipaddress.ip_address(str(one).split("%")[0]).is_loopback for one in found)


def _need_dask() -> None:
    if importlib.util.find_spec("distributed") is None:
        raise UserError(
            "dask.distributed is not installed.", "Install it: pip install 'napari-unet-lung[cluster]'."
        )


def _scratch() -> Path:
    """Where the workers of this computer may put something; Dask empties what a crash left there."""
    from platformdirs import user_cache_path

    folder = user_cache_path("napari-unet-lung") / "cluster"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder
