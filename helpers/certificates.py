"""The certificates by which a program knows that it talks to Amazon's database and no other."""

import urllib.error
import urllib.request
from pathlib import Path

from helpers.errors import CourseError
from helpers.keys import key_file
from helpers.private_files import write_private
from helpers.session import ask_sandbox, target

# Every region's authorities in one file.
BUNDLE = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"


def rds_certificates() -> Path:
    """The file with the certificate authorities of RDS, to verify a database's certificate with.

    On AWS it is Amazon's global bundle, downloaded at the first call and kept. In the sandbox it
    holds the sandbox's own authority, asked for anew each time.

    Returns:
        `keys/<target>/rds-certificates.pem`. Nothing in it is secret.

    Raises:
        CourseError: it cannot be downloaded.

    See https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.SSL.html.
    """
    file = key_file("rds-certificates")
    if target() == "sandbox":
        write_private(file, ask_sandbox("certificates")["bundle"])
    elif not file.exists():
        write_private(file, _download())
    return file


def _download() -> str:
    try:
        with urllib.request.urlopen(BUNDLE, timeout=30) as answer:
            text = answer.read().decode()
    except urllib.error.URLError as error:
        raise CourseError(
            f"Amazon's certificates cannot be downloaded ({error.reason}). Is this machine online? "
            f"Otherwise fetch {BUNDLE} elsewhere and save it as {key_file('rds-certificates')}"
        ) from error
    if "BEGIN CERTIFICATE" not in text:
        raise CourseError(
            f"{BUNDLE} holds no certificates: something between here and Amazon answers in its "
            "place, such as a network's login page. Log in there and run the cell again."
        )
    return text
