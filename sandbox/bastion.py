"""An SSH server for every running EC2 instance with a public address: the way in to the VPC.

Each listens on 127.0.0.1; `sandbox.sshd` says who gets in. What the security groups and routes
allow is asked of the sandbox each time somebody knocks. All of it lives in one asyncio loop in a
thread of its own; the methods of `Bastions` are called from any other thread.
"""

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import asyncssh

from sandbox.errors import SandboxError
from sandbox.home import write_private
from sandbox.sshd import (
    LOGIN,
    NameUnknown,
    PortClosed,
    SshServer,
    Surroundings,
    TrafficDropped,
    log_failure,
)

__all__ = ["BastionHost", "Bastions", "NameUnknown", "PortClosed", "TrafficDropped"]

LOOPBACK = "127.0.0.1"
CONNECT_TIMEOUT = 127.0  # seconds; after them Linux's connect() gives up (tcp_syn_retries = 6)
log = logging.getLogger("sandbox.bastion")
T = TypeVar("T")


@dataclass(frozen=True)
class BastionHost:
    """What a bastion has to know of its EC2 instance.

    `authorized_key` is the public half of the key pair as a line of OpenSSH's; "" for an instance
    that was launched without a key pair, which nobody can log in to.
    """

    instance_id: str
    authorized_key: str


class Bastions:
    """All bastions of the account.

    Args:
        home: the sandbox's folder; host keys and ports are kept in `bastions/<instance id>/`.
        surroundings: answers who may pass, and where to.
        connect_timeout: seconds until a connection that nobody answers is given up.
    """

    def __init__(
        self, home: Path, surroundings: Surroundings, connect_timeout: float = CONNECT_TIMEOUT
    ):
        self.surroundings = surroundings
        self.connect_timeout = connect_timeout
        self._folder = home / "bastions"
        self._open: dict[str, SshServer] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Start the thread; no bastion listens before `sync` names it."""
        if self._loop is not None:
            return
        ready = threading.Event()
        self._workers = ThreadPoolExecutor(16, thread_name_prefix="bastion-worker")
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._live(ready)), name="bastions", daemon=True
        )
        self._thread.start()
        ready.wait()

    def stop(self) -> None:
        """Close every bastion and its connections, and end the thread. Ports and keys are kept."""
        if self._loop is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._loop = None
        # Not waited for: whoever stops us may hold the lock that a worker is waiting for.
        self._workers.shutdown(wait=False, cancel_futures=True)

    def sync(self, hosts: Iterable[BastionHost]) -> None:
        """Have exactly these bastions listen.

        New ones listen when this returns; of those that are gone the port is closed and the
        connections are cut. A new authorized key counts from the next login on.

        Raises:
            SandboxError: a key cannot be read; nothing has been changed then.
        """
        wanted = {host.instance_id: _authorized(host) for host in hosts}
        self._call(self._sync(wanted))

    def forget(self, instance_id: str) -> None:
        """Close the bastion of a terminated instance and delete its host key and port."""
        self._call(self._close([instance_id]))
        folder = self._folder / instance_id
        for name in ("host_key", "port"):
            (folder / name).unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            folder.rmdir()

    def port(self, instance_id: str) -> int:
        """The port of 127.0.0.1 on which the instance's SSH server listens.

        Raises:
            SandboxError: it does not listen.
        """
        return self._bastion(instance_id).port

    def host_key(self, instance_id: str) -> str:
        """The public host key, a line as OpenSSH writes it: `ssh-ed25519 AAAA...`.

        Raises:
            SandboxError: the instance's SSH server does not listen.
        """
        return self._bastion(instance_id).host_key.export_public_key().decode().strip()

    def listing(self) -> list[dict[str, str | int]]:
        """The listening bastions, as `python -m sandbox status --json` prints them."""
        return [
            {"instance_id": name, "host": LOOPBACK, "port": bastion.port, "user": LOGIN}
            for name, bastion in sorted(self._open.copy().items())
        ]

    def _bastion(self, instance_id: str) -> SshServer:
        try:
            return self._open[instance_id]
        except KeyError:
            raise SandboxError(
                f"No SSH server listens for {instance_id}: the instance is not running or has no "
                "public address. See: aws ec2 describe-instances"
            ) from None

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        if self._loop is None:
            work.close()
            raise RuntimeError("The bastions are not running: call start() first.")
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _live(self, ready: threading.Event) -> None:
        self._stopping = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        ready.set()
        await self._stopping.wait()
        await self._close(list(self._open))

    async def _sync(self, wanted: dict[str, asyncssh.SSHKey | None]) -> None:
        await self._close([name for name in self._open if name not in wanted])
        for name, key in wanted.items():
            if name not in self._open:
                folder = self._folder / name
                host_key = _host_key(folder / "host_key")
                # Those of stopped instances too: they want to find theirs again.
                promised = {_read_port(file) for file in self._folder.glob("*/port")}
                listener = _listener(folder / "port", promised)
                self._open[name] = SshServer(name, listener, host_key, self)
            self._open[name].authorized_key = key

    async def _close(self, names: list[str]) -> None:
        gone = [self._open.pop(name) for name in names if name in self._open]
        await asyncio.gather(*(bastion.close() for bastion in gone))

    async def ask(self, question: Callable[..., T], *details: str | int) -> T:
        """Have a worker thread call one of the surroundings' methods."""
        loop = asyncio.get_running_loop()
        answer = loop.run_in_executor(self._workers, question, *details)
        # asyncssh would swallow a fault in there, and only cut the connection.
        answer.add_done_callback(log_failure)
        return await answer


def _authorized(host: BastionHost) -> asyncssh.SSHKey | None:
    if not host.authorized_key:
        return None
    try:
        return asyncssh.import_public_key(host.authorized_key)
    except asyncssh.KeyImportError as error:
        raise SandboxError(
            f"The key pair of {host.instance_id} is not an OpenSSH public key ({error}). "
            "Launch the instance with another: aws ec2 create-key-pair"
        ) from error


def _host_key(file: Path) -> asyncssh.SSHKey:
    try:
        return asyncssh.read_private_key(file)
    except FileNotFoundError:
        key = asyncssh.generate_private_key("ssh-ed25519")
        write_private(file, key.export_private_key().decode())
        return key
    except asyncssh.KeyImportError as error:
        raise SandboxError(
            f"The host key {file} cannot be read ({error}). Delete it: another is made"
        ) from error


def _listener(port_file: Path, promised: set[int | None]) -> socket.socket:
    """Listen on the port that was kept, or on a free one that is kept from now on."""
    with contextlib.suppress(OSError):  # taken by somebody else meanwhile
        if kept := _read_port(port_file):
            return _listen(kept)
    listener = _listen(0)
    while listener.getsockname()[1] in promised:
        listener.close()
        listener = _listen(0)
    write_private(port_file, str(listener.getsockname()[1]))
    return listener


def _listen(port: int) -> socket.socket:
    listener = socket.create_server((LOOPBACK, port), backlog=128)
    listener.setblocking(False)
    return listener


def _read_port(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (FileNotFoundError, ValueError):
        return None
