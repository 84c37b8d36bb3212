"""Certificates made here: who has one of the same authority gets in, and nobody else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cluster_processes import Processes, Run, ended, rows

from napari_unet.cluster import connect
from napari_unet.core.errors import UserError

x509 = pytest.importorskip("cryptography.x509")


@dataclass(frozen=True)
class Authority:
    """An authority, with a certificate of its own for one peer. Paths of PEM files."""

    ca: Path
    cert: Path
    key: Path

    def environment(self) -> dict[str, str]:
        """For processes of dask."""
        files = {"CA_FILE": self.ca}
        for role in ("SCHEDULER", "WORKER", "CLIENT"):
            files |= {f"{role}__CERT": self.cert, f"{role}__KEY": self.key}
        return {f"DASK_DISTRIBUTED__COMM__TLS__{name}": str(file) for name, file in files.items()}

    def configuration(self) -> dict[str, str]:
        """For dask in this process."""
        return {
            "distributed.comm.tls.ca-file": str(self.ca),
            "distributed.comm.tls.client.cert": str(self.cert),
            "distributed.comm.tls.client.key": str(self.key),
        }


def authority(folder: Path) -> Authority:
    """A new authority and one certificate, in a new folder."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder.mkdir()
    now = dt.datetime.now(dt.UTC)
    names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]) for name in ("ca", "peer")]
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in names)

    def signed(subject: int, of: ec.EllipticCurvePrivateKey) -> bytes:
        builder = x509.CertificateBuilder(
            names[0], names[subject], of.public_key(), x509.random_serial_number(), now, now + dt.timedelta(1)
        ).add_extension(x509.BasicConstraints(ca=subject == 0, path_length=None), critical=True)
        return builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    (folder / "ca.pem").write_bytes(signed(0, ca_key))
    (folder / "cert.pem").write_bytes(signed(1, key))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return Authority(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")


@pytest.fixture
def secured(processes: Processes, tmp_path: Path) -> Iterator[Authority]:
    """A scheduler and a worker with certificates."""
    ours = authority(tmp_path / "ours")
    processes.env |= ours.environment()
    processes.scheduler(protocol="tls")
    processes.worker("--no-nanny")
    yield ours


def test_with_a_certificate_and_without(
    run: Run,
    processes: Processes,
    secured: Authority,
    images: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import dask

    asked = ("segment", images, "-o", tmp_path / "out", "--cluster")
    assert processes.address.startswith("tls://")
    with dask.config.set(secured.configuration()):
        done = run(*asked, processes.address)
    assert done.exit_code == 0 and len(ended(tmp_path / "out")) == 8, done.output
    assert set(rows(tmp_path / "out").values()) == {""}
    monkeypatch.setattr(connect, "_CONNECT_S", 2)
    for strangers in (authority(tmp_path / "strangers").configuration(), {}):
        with dask.config.set(strangers):
            done = run(*asked, processes.address)
        assert isinstance(done.exception, UserError)
        assert ("cannot be reached" if strangers else "There are no certificates") in str(done.exception)
    done = run(*asked, processes.address.replace("tls://", "tcp://"))
    assert isinstance(done.exception, UserError) and "cannot be reached" in str(done.exception)
