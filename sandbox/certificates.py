"""The sandbox's certificate authority: what stands in for Amazon's bundle of RDS certificates.

On AWS a client that wants to be sure of its database downloads the bundle and verifies chain and
host name with it: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.SSL.html
Here the bundle holds this one authority, made once for each home.
"""

import datetime
import ipaddress
import threading
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.home import write_private

YEARS = 10  # as long as a clone of the course may lie about; Amazon's authorities last longer
LONGEST_COMMON_NAME = 64  # characters, by the standard; a longer name is among the others only


class Authority:
    """Signs the certificates of one home's database servers. May be used from several threads.

    Args:
        folder: where the authority's key and certificate are kept; its owner's alone.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._guard = threading.Lock()

    def bundle(self) -> str:
        """The authority's certificate, in PEM: what a client is to trust."""
        return self._own()[1].public_bytes(serialization.Encoding.PEM).decode()

    def certify(self, names: Sequence[str]) -> Path:
        """Make a certificate for a server that has these names, the first its own.

        Returns:
            A private file with the certificate and its key, in PEM, kept under the first name.
        """
        authority_key, authority = self._own()
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _begin(names[0], authority.subject, key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
            )
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
                critical=False,
            )
        )
        file = self._folder / f"{names[0]}.pem"
        write_private(file, _pem(key) + _pem(builder.sign(authority_key, hashes.SHA256())))
        return file

    def _own(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        file = self._folder / "authority.pem"
        with self._guard:
            if not file.exists():
                write_private(file, _new_authority())
            text = file.read_bytes()
        key = serialization.load_pem_private_key(text, password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key, x509.load_pem_x509_certificate(text)


def self_signed(file: Path) -> None:
    """Make a certificate that vouches for itself, for a server that only this process talks to.

    Args:
        file: where key and certificate go, in PEM, for this user only.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    address = ipaddress.ip_address("127.0.0.1")
    builder = (
        _begin(str(address), _named(str(address)), key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(address)]),
            critical=False,
        )
    )
    write_private(file, _pem(key) + _pem(builder.sign(key, hashes.SHA256())))


def _new_authority() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    name = "Sandbox RDS Root CA"
    builder = (
        _begin(name, _named(name), key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
    )
    return _pem(key) + _pem(builder.sign(key, hashes.SHA256()))


def _begin(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A laptop's clock may be set back a little between two starts.
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365 * YEARS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _named(name: str) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "AWS databases course, sandbox")]
    if len(name) <= LONGEST_COMMON_NAME:
        attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, name))
    return x509.Name(attributes)


def _pem(what: ec.EllipticCurvePrivateKey | x509.Certificate) -> str:
    if isinstance(what, x509.Certificate):
        return what.public_bytes(serialization.Encoding.PEM).decode()
    return what.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
