"""An account that is not the sandbox: plain moto over HTTPS, and the variables that lead there."""

import datetime
import os
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ACCOUNT = "123456789012"


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for `localhost` that vouches for itself, and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "stranger.crt", folder / "stranger.secret"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def variables(endpoint: str, folder: Path, ca: Path | None = None, **more: str) -> dict[str, str]:
    """The environment of a student whose account is at that endpoint, and of nothing else.

    Args:
        endpoint: such as "https://localhost:5000".
        folder: is made the home of this student, who has no sandbox.
        ca: what vouches for the endpoint.
        more: further variables.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SANDBOX_", "LAB_"))}
    return {
        **kept,
        "HOME": str(folder),
        "LAB_TARGET": "aws",
        "LAB_MEMORY": str(folder / "lab.json"),
        "COURSE_KEYS": str(folder / "keys"),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "stranger",
        "AWS_SECRET_ACCESS_KEY": "stranger",
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONWARNINGS": "default",
        **({"AWS_CA_BUNDLE": str(ca)} if ca else {}),
        **more,
    }


@contextmanager
def moto_server(folder: Path) -> Iterator[dict[str, str]]:
    """Run moto's own server over HTTPS; gives the variables of a student of its account."""
    certificate, key = make_certificate(folder)
    port = free_port()
    command = [sys.executable, "-c", "from moto.server import main; main()", "-H", "localhost"]
    command += ["-p", str(port), "-c", str(certificate), "-k", str(key)]
    with (folder / "moto.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        trusted = ssl.create_default_context(cafile=str(certificate))
        direct = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted)
        )
        endpoint = f"https://localhost:{port}"
        for _ in range(600):
            assert server.poll() is None, (folder / "moto.log").read_text()
            try:
                direct.open(f"{endpoint}/moto-api/", timeout=10).close()
                break
            except OSError:
                time.sleep(0.1)
        yield variables(endpoint, folder, certificate)
    finally:
        server.kill()
        server.wait()
