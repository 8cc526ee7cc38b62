"""The SSH tunnel: from a free port on this machine, through the bastion, to the database.

One error for each thing that can be wrong, and each is raised before the tunnel is handed out, so
a cell that has a tunnel has a MySQL server at its other end.
"""

from __future__ import annotations

import atexit
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import paramiko
import sshtunnel

from helpers.bastion import Bastion, host_keys, quiet, read_key


class Tunnel:
    """An open tunnel. Use it in a `with` block, or keep it and call `close()`.

    Attributes:
        host: always "127.0.0.1".
        port: the free local port that leads to the database.
        mysql_host: the endpoint at the other end, as given.
        mysql_port: its port.
    """

    def __init__(
        self, forwarder: sshtunnel.SSHTunnelForwarder, host: str, port: int, bastion: str
    ) -> None:
        self.host = "127.0.0.1"
        self.port: int = forwarder.local_bind_port
        self.mysql_host = host
        self.mysql_port = port
        self.bastion = bastion
        self.closed = False
        self._forwarder = forwarder
        atexit.register(self.close)

    def close(self) -> None:
        """Close the tunnel and everything that still goes through it; a second call does nothing.

        Close database connections first: one that is still open is cut off.
        """
        if self.closed:
            return
        self.closed = True
        atexit.unregister(self.close)
        self._forwarder.stop(force=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        # Without the local port: it differs from run to run, and a page's output must not.
        state = "closed" if self.closed else "open"
        return f"<{state} tunnel to {self.mysql_host}:{self.mysql_port} through {self.bastion}>"


def tunnel(
    bastion_instance_id: str,
    key_file: str | Path,
    mysql_host: str,
    mysql_port: int = 3306,
    *,
    user: str = "ec2-user",
    host_key: paramiko.PKey | None = None,
    ssh_address: tuple[str, int] | None = None,
    timeout: float = 10,
) -> Tunnel:
    """Open an SSH tunnel through the bastion to a MySQL server, and see the server greet.

    The server's identity is always verified: with `host_key`, or else with the host key that EC2
    shows in the instance's console output (see `host_keys`). The SSH agent and the keys in the
    user's home folder are never used.

    Args:
        bastion_instance_id: the EC2 instance, "i-...".
        key_file: the private key file of the key pair the instance was launched with.
        mysql_host: the writer (or reader) endpoint as RDS returned it; the bastion resolves it.
        mysql_port: the database's port.
        user: the login; Amazon Linux's is "ec2-user".
        host_key: the bastion's host key; None asks EC2 for it.
        ssh_address: (host, port) of the bastion's SSH server; None asks
            `helpers.session.ssh_address`.
        timeout: seconds that each step may take.

    Returns:
        The open tunnel: `.host`, `.port`, `.close()`, and a context manager.

    Raises:
        KeyFileMissing, KeyFileReadableByOthers, KeyFileHasPassphrase, KeyFileUnreadable: the key
            file.
        BastionNotAnswering, BastionHostKeyUnknown, WrongHostKey, WrongKey, WrongLogin: the
            bastion.
        NoRouteToDatabase: what lies behind it.

    See https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/connect-to-linux-instance.html and
    https://sshtunnel.readthedocs.io.
    """
    key = read_key(Path(key_file).expanduser())
    if ssh_address is None:
        from helpers.session import ssh_address as look_up

        ssh_address = look_up(bastion_instance_id)
    bastion = Bastion(bastion_instance_id, ssh_address, user, Path(key_file), key, timeout)
    with ExitStack() as on_failure:  # an interrupt counts too
        transport = bastion.connect(on_failure)
        host_key = host_key or host_keys(bastion_instance_id)[0]
        bastion.verify(transport, host_key)
        bastion.log_in(transport)
        bastion.check_database(transport, mysql_host, mysql_port)
        forwarder = _Forwarder(
            transport,
            ssh_address,
            ssh_username=user,
            ssh_pkey=key,
            ssh_host_key=host_key,
            ssh_config_file=None,
            allow_agent=False,
            host_pkey_directories=[],
            remote_bind_address=(mysql_host, mysql_port),
            local_bind_address=("127.0.0.1", 0),
            logger=quiet,
        )
        on_failure.callback(forwarder.stop, force=True)
        forwarder.start()
        opened = Tunnel(forwarder, mysql_host, mysql_port, bastion_instance_id)
        on_failure.pop_all()
    return opened


class _Forwarder(sshtunnel.SSHTunnelForwarder):
    """sshtunnel's forwarder, on a connection that is logged in already.

    Its own login has no time limit, has one error for every cause, and after a refused key leaves
    a listener that `stop` waits for without end.
    """

    def __init__(self, transport: paramiko.Transport, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._logged_in = transport

    def _connect_to_gateway(self) -> None:
        self._transport = self._logged_in
