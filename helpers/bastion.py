"""The way to the database, step by step: key file, bastion, host key, login, MySQL's greeting.

One error for each thing that can be wrong, each with the next thing to type.
"""

from __future__ import annotations

import base64
import logging
import os
import re
import socket
import struct
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import paramiko
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.exceptions import UnsupportedAlgorithm

from helpers.errors import CourseError

# cloud-init writes the new machine's public host keys to the console between these two lines.
_HOST_KEYS = re.compile(
    r"-----BEGIN SSH HOST KEY KEYS-----(.*?)-----END SSH HOST KEY KEYS-----", re.DOTALL
)
_PUBLIC_KEY = re.compile(r"\b(ssh-ed25519|ecdsa-sha2-nistp\d+|ssh-rsa)\s+(AAAA[0-9A-Za-z+/=]+)")
_PREFERRED = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")

LOGIN, ROOT = "ec2-user", "root"  # Amazon Linux's
ADMINISTRATIVELY_PROHIBITED = 1  # RFC 4254, section 5.1

_BAD_KEY = (paramiko.SSHException, paramiko.pkey.UnknownKeyType, UnsupportedAlgorithm)

quiet = logging.getLogger("helpers.bastion.quiet")
quiet.addHandler(logging.NullHandler())
quiet.propagate = False


class KeyFileMissing(CourseError):
    """There is no file of that name."""


class KeyFileReadableByOthers(CourseError):
    """Other users of this machine may read the private key; ssh refuses such a file too."""


class KeyFileUnreadable(CourseError):
    """The file does not hold a private key that can be used."""


class KeyFileHasPassphrase(KeyFileUnreadable):
    """The private key is encrypted with a passphrase."""


class WrongKey(CourseError):
    """The bastion does not accept this key for this user."""


class WrongLogin(WrongKey):
    """The key is right; the bastion has another login for it."""


class WrongHostKey(CourseError):
    """What answers is not the machine that EC2 describes."""


class BastionHostKeyUnknown(CourseError):
    """EC2 has not shown the bastion's host keys yet."""


class BastionNotAnswering(CourseError):
    """No SSH server answers at the bastion's address."""


class NoRouteToDatabase(CourseError):
    """The bastion lets you in, and the database behind it does not answer."""


def host_keys(instance_id: str, *, ec2: Any = None) -> list[paramiko.PKey]:
    """Return the instance's SSH host keys as EC2 tells them, the preferred kind (ed25519) first.

    They come over the authenticated AWS API and not from the machine that answers, so even the
    first connection is verified.

    Args:
        instance_id: the EC2 instance, "i-...".
        ec2: a boto3 EC2 client; None makes one.

    Raises:
        BastionHostKeyUnknown: the console output has no keys (yet).

    See https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/connection-prereqs-general.html
    ("Get the instance fingerprint").
    """
    ec2 = ec2 or boto3.client("ec2")
    found = _keys_in(ec2.get_console_output(InstanceId=instance_id).get("Output", ""))
    if not found:
        # The stored copy appears minutes after the boot; Nitro instances also give the live one.
        try:
            live = ec2.get_console_output(InstanceId=instance_id, Latest=True)
        except ClientError as error:
            if error.response["Error"]["Code"] != "UnsupportedOperation":
                raise
        else:
            found = _keys_in(live.get("Output", ""))
    if not found:
        raise BastionHostKeyUnknown(
            f"EC2 does not show the SSH host keys of {instance_id} yet: a new instance takes a few "
            "minutes to write them to its console. Wait a little and run this cell again; to look: "
            f'ec2.get_console_output(InstanceId="{instance_id}")["Output"]'
        )
    return found


def _keys_in(console_output: str) -> list[paramiko.PKey]:
    """The public keys of the console's last complete block (a later boot may print new ones)."""
    blocks = _HOST_KEYS.findall(console_output)
    keys = []
    for kind, encoded in _PUBLIC_KEY.findall(blocks[-1] if blocks else ""):
        # Kernel messages can cut into a line of the console: such a key is left out.
        try:
            keys.append(paramiko.PKey.from_type_string(kind, base64.b64decode(encoded)))
        except (ValueError, struct.error, *_BAD_KEY):
            continue
    order = {kind: place for place, kind in enumerate(_PREFERRED)}
    return sorted(keys, key=lambda key: order.get(key.get_name(), len(order)))


def read_key(path: Path) -> paramiko.PKey:
    """Read a private key file as strictly as ssh does."""
    if not path.is_file():
        raise KeyFileMissing(
            f"There is no key file {path}. Make the key pair and save its KeyMaterial there: "
            'ec2.create_key_pair(KeyName="bookstore")'
        )
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise KeyFileReadableByOthers(
            f"Other users of this machine can read the private key {path}, and ssh refuses such a "
            f"file. Make it yours alone: !chmod 600 {path}"
        )
    try:
        return paramiko.PKey.from_path(path)
    except (OSError, ValueError, TypeError, *_BAD_KEY) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> KeyFileUnreadable:
    """Say what the file holds in place of a private key that can be used."""
    # paramiko lets cryptography's TypeError pass for some of the formats.
    if isinstance(error, (TypeError, paramiko.PasswordRequiredException)):
        return KeyFileHasPassphrase(
            f"The private key in {path} has a passphrase, and the course cannot ask for it. Take "
            f'it off, in a terminal: ssh-keygen -p -N "" -f {path} Or use the KeyMaterial exactly '
            "as EC2 returned it, which has none."
        )
    try:
        start = path.read_bytes()[:100]
    except OSError:
        start = b""
    if start.startswith((b"ssh-", b"ecdsa-")):
        found = "holds the public half of a key; the private half is needed"
    elif start.startswith(b"PuTTY-User-Key-File"):
        found = "is a key file of PuTTY's; puttygen exports it as an OpenSSH key"
    else:
        found = "cannot be read as a private key"
    return KeyFileUnreadable(
        f"{path} {found}. It must hold the KeyMaterial exactly as EC2 returned it, from "
        '"-----BEGIN" to the last "-----".'
    )


def _hangs(host: str, port: int, bastion: str) -> NoRouteToDatabase:
    return NoRouteToDatabase(
        f"The bastion {bastion} let you in, but {host} did not answer it on port {port}: most "
        f"likely the database's security group has no inbound rule for {port} from the bastion's "
        "group. Add it: ec2.authorize_security_group_ingress(GroupId=<database group>, "
        f'IpPermissions=[{{"IpProtocol": "tcp", "FromPort": {port}, "ToPort": {port}, '
        '"UserIdGroupPairs": [{"GroupId": <bastion group>}]}])'
    )


@dataclass
class Bastion:
    """The way through one bastion, a method for each step; each raises what went wrong in it."""

    instance_id: str
    address: tuple[str, int]
    user: str
    key_file: Path
    key: paramiko.PKey
    timeout: float

    def connect(self, on_failure: ExitStack) -> paramiko.Transport:
        """Connect, and wait for the SSH server to introduce itself."""
        try:
            sock = socket.create_connection(self.address, self.timeout)
            on_failure.callback(sock.close)
            # paramiko would read the banner too, but turns silence and nonsense into one error.
            banner = sock.recv(4, socket.MSG_PEEK)
        except OSError as error:
            raise self._not_answering(error) from None
        if not banner or not b"SSH-".startswith(banner):
            raise self._not_answering("what answers is not an SSH server")
        transport = paramiko.Transport(sock)
        on_failure.callback(transport.close)
        # paramiko's handshake timer is a thread that close() leaves running.
        on_failure.callback(transport.packetizer.complete_handshake)
        transport.set_log_channel(quiet.name)
        transport.banner_timeout = transport.handshake_timeout = self.timeout
        transport.auth_timeout = self.timeout
        transport.set_keepalive(30)
        return transport

    def verify(self, transport: paramiko.Transport, host_key: paramiko.PKey) -> None:
        """Shake hands, and see that the server holds the host key that EC2 shows for it."""
        try:
            transport.connect(hostkey=host_key)
        except (paramiko.SSHException, OSError, EOFError) as error:
            # A transport that is still up has shaken hands: only the key's comparison failed.
            if transport.is_active() or isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
                raise WrongHostKey(
                    f"What answers for {self.instance_id} at {self.address[0]} does not have the "
                    "host key that EC2 shows for it, so nothing was sent: it may be another "
                    f'machine. Look up its address and keys again: host_keys("{self.instance_id}")'
                ) from None
            raise self._not_answering(error) from None

    def log_in(self, transport: paramiko.Transport) -> None:
        """Log in with the key; only after `verify`, so that an impostor learns nothing."""
        try:
            transport.auth_publickey(self.user, self.key)
        except paramiko.AuthenticationException:
            raise self._refused(transport.get_remote_server_key()) from None
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise self._not_answering(error) from None
        if self.user == ROOT:
            self._check_root(transport)

    def _check_root(self, transport: paramiko.Transport) -> None:
        """See that root may forward: Amazon Linux lets root in, to name the login and no more."""
        try:
            transport.open_channel(
                "direct-tcpip", ("127.0.0.1", 22), ("127.0.0.1", 0), timeout=self.timeout
            ).close()
        except paramiko.ChannelException as error:
            if error.code == ADMINISTRATIVELY_PROHIBITED:
                raise self._wrong_login(
                    f'The bastion {self.instance_id} forwards nothing for "{ROOT}"'
                ) from None
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise self._not_answering(error) from None

    def _refused(self, host_key: paramiko.PKey) -> WrongKey:
        """Find out why: SSH gives one answer for an unknown login and for a wrong key."""
        refused = (
            f'The bastion {self.instance_id} refused the key {self.key_file} for "{self.user}"'
        )
        if self.user != LOGIN and self._lets_in(LOGIN, host_key):
            return self._wrong_login(refused)
        pair = self._key_pair()
        if pair is None:
            return WrongKey(
                f"{refused}: it was launched without a key pair, so nobody can log in. Launch "
                'another with one: ec2.run_instances(KeyName="bookstore", ...)'
            )
        if pair.get("PublicKey", "").split()[1:2] == [self.key.get_base64()]:
            return WrongKey(
                f'{refused}, although it is the key of the pair "{pair["KeyName"]}" as EC2 has it '
                "now. Either the pair was made again after the launch, and the machine knows the "
                "old one: launch another. Or the machine has another login: Amazon Linux has "
                f"{LOGIN}, Ubuntu has ubuntu, Debian has admin."
            )
        return WrongKey(
            f"{refused}: it is not the key pair the instance was launched with. See which one it "
            f'was: ec2.describe_instances(InstanceIds=["{self.instance_id}"])'
            '["Reservations"][0]["Instances"][0]["KeyName"]'
        )

    def _wrong_login(self, refused: str) -> WrongLogin:
        return WrongLogin(
            f'{refused}: the key is right, and the login is not. On Amazon Linux it is "{LOGIN}". '
            f'Write user="{LOGIN}", or leave user="{self.user}" out.'
        )

    def _lets_in(self, user: str, host_key: paramiko.PKey) -> bool:
        """Whether another login gets in with the key; sshd wants a connection of its own for it."""
        with ExitStack() as stack:
            try:
                transport = self.connect(stack)
                self.verify(transport, host_key)
                transport.auth_publickey(user, self.key)
            except (CourseError, paramiko.SSHException, OSError, EOFError):
                return False
        return True

    def _key_pair(self) -> dict[str, Any] | None:
        """The key pair that the instance was launched with, as EC2 has it now; None without one.

        Without a `PublicKey` where EC2 does not show it.
        """
        try:
            ec2 = boto3.client("ec2")
            found = ec2.describe_instances(InstanceIds=[self.instance_id])["Reservations"]
            name = found[0]["Instances"][0].get("KeyName")
        except (BotoCoreError, ClientError, LookupError):
            return {"KeyName": "?"}
        if name is None:
            return None
        try:
            return ec2.describe_key_pairs(KeyNames=[name], IncludePublicKey=True)["KeyPairs"][0]
        except (BotoCoreError, ClientError, LookupError):  # deleted since then
            return {"KeyName": name}

    def check_database(self, transport: paramiko.Transport, host: str, port: int) -> None:
        """Have the bastion connect to the database once, and see MySQL's greeting.

        MySQL speaks first to whoever connects. (It counts the half-made connection as an error of
        the bastion's address until the next login that succeeds; 100 in a row would block it.)
        """
        log = _Refusals()
        quiet.addHandler(log)
        try:
            channel = transport.open_channel(
                "direct-tcpip", (host, port), ("127.0.0.1", 0), timeout=self.timeout
            )
            with closing(channel):
                channel.settimeout(self.timeout)
                greeting = channel.makefile("rb").read(5)
        except paramiko.ChannelException as error:
            raise NoRouteToDatabase(
                f"The bastion {self.instance_id} let you in, but could not connect to "
                f"{host}:{port}: it says {log.last or error.text!r}. Copy the endpoint and the "
                "port again, and see that the status is available: rds.describe_db_clusters()"
            ) from None
        except (OSError, EOFError, paramiko.SSHException):  # no greeting; no connection
            raise _hangs(host, port, self.instance_id) from None
        finally:
            quiet.removeHandler(log)
        # A header of four bytes, then the protocol's version, or 255 for an error message.
        if greeting[4:] not in (b"\x0a", b"\xff"):
            raise NoRouteToDatabase(
                f"What listens at {host}:{port} behind the bastion {self.instance_id} does not "
                "greet as MySQL does. Copy the endpoint and the port again: "
                "rds.describe_db_clusters()"
            )

    def _not_answering(self, why: object) -> BastionNotAnswering:
        host, port = self.address
        if isinstance(why, TimeoutError):
            why = f"nothing within {self.timeout:g} seconds"
        return BastionNotAnswering(
            f"The bastion {self.instance_id} does not answer as an SSH server at {host} port {port}"
            f" ({why}): it is not running, or its security group has no inbound rule for port 22 "
            "from your address. Look at both: "
            f'ec2.describe_instances(InstanceIds=["{self.instance_id}"]) and '
            "ec2.describe_security_groups()"
        )


class _Refusals(logging.Handler):
    """Keeps why a server refused a channel: paramiko logs its words and raises its own."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        _, refused, reason = record.getMessage().partition("open FAILED: ")
        if refused:
            self.last = reason.rpartition(": ")[0]
