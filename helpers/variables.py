"""The environment variables that lead boto3, the AWS CLI and others to the sandbox, and back out.

They hold for this process and the programs that it starts. The variables of the student's own are
kept aside meanwhile: any of them could lead a call to another place, or change what a page prints.
See https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html.
"""

from __future__ import annotations

import os
import sys
import threading
import urllib.request
from pathlib import Path

# Curl and Python look at both spellings. Windows has only one of them.
NO_PROXY = ("NO_PROXY",) if sys.platform == "win32" else ("NO_PROXY", "no_proxy")
THIS_MACHINE = ("127.0.0.1", "localhost")

_lock = threading.RLock()
_ours: dict[str, str] = {}  # what this process set
_theirs: dict[str, str | None] = {}  # what these variables were before; None: not set


def lead_to_sandbox(endpoint_url: str, aws_folder: Path) -> None:
    """Set the variables; a second call does no harm.

    Args:
        endpoint_url: where the sandbox answers.
        aws_folder: the folder of its AWS `config` and `credentials` files.
    """
    settings = {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_CONFIG_FILE": str(aws_folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(aws_folder / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        # Some operations put a name before the host: 123456789012.127.0.0.1 is nowhere.
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        # Endpoint rules of the sandbox's own, for services whose rules pass over the endpoint.
        "AWS_DATA_PATH": str(aws_folder / "models"),
        # These two lead to Amazon's own hosts, whatever the endpoint is.
        "AWS_ENDPOINT_DISCOVERY_ENABLED": "false",
        "AWS_S3_DISABLE_MULTIREGION_ACCESS_POINTS": "true",
        "AWS_PAGER": "",
    }
    with _lock:
        settings.update(without_proxy())
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            if name not in settings:
                _theirs[name] = os.environ.pop(name)
        for name, value in settings.items():
            if os.environ.get(name) != _ours.get(name):
                _theirs[name] = os.environ.get(name)
            os.environ[name] = _ours[name] = value


def lead_back() -> None:
    """Give the variables back the values that they had before; new values of the student's stay."""
    with _lock:
        for name, value in _ours.items():
            if os.environ.get(name) == value:
                _restore(name, _theirs.get(name))
        for name, before in _theirs.items():
            if name not in _ours and name not in os.environ:
                _restore(name, before)
        _ours.clear()
        _theirs.clear()


def without_proxy() -> dict[str, str]:
    """Return the variables that keep calls to this machine away from a proxy.

    They are `NO_PROXY`, in both spellings, with what they hold already and this machine's names.
    Where a proxy is set in the system and not in variables (macOS, Windows), `NO_PROXY` alone
    would hide it from Python: then `HTTP_PROXY` and `HTTPS_PROXY` are among them.
    """
    held = [each.strip() for name in NO_PROXY for each in os.environ.get(name, "").split(",")]
    if "*" not in held:
        held += THIS_MACHINE
    settings = dict.fromkeys(NO_PROXY, ",".join(dict.fromkeys(filter(None, held))))
    if not urllib.request.getproxies_environment():
        proxies = urllib.request.getproxies()
        for scheme in ("http", "https"):
            if scheme in proxies:
                settings[f"{scheme.upper()}_PROXY"] = proxies[scheme]
    return settings


def _restore(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
