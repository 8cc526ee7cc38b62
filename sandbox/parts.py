"""What a sandbox has beside the API: its servers, and what it corrects in moto's services.

Each is made or loaded when it is first asked for: nobody waits for what is not in use.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox import on_demand
from sandbox.deferred import Deferred
from sandbox.errors import SandboxError
from sandbox.home import Home
from sandbox.journal import Journal
from sandbox.pace import Pace

if TYPE_CHECKING:
    from sandbox.bastion import Bastions
    from sandbox.databasedoor import DatabaseDoors
    from sandbox.servers import DatabaseServers
    from sandbox.sshd import Surroundings


class Parts:
    """The servers of one sandbox, and the corrections of its services.

    Args:
        home: where the servers keep what is theirs.
        databases: the folder of the database servers.
        pace: how long things take.
        journal: what DynamoDB keeps its items in.
        surroundings: what the bastions ask.
        leftovers: ends the database servers that a killed sandbox has left; None for none.
        hold: told of the work on database servers that is to wait for a call's end.
    """

    def __init__(
        self,
        home: Home,
        databases: Path,
        pace: Pace,
        journal: Journal,
        surroundings: "Surroundings",
        leftovers: threading.Thread | None,
        hold: Callable[[Deferred], None],
    ):
        self._home, self._pace, self._journal = home, pace, journal
        self._surroundings, self._leftovers, self._hold = surroundings, leftovers, hold
        self._folder = databases
        self._databases = on_demand.Once(self._make_databases)
        self._doors = on_demand.Once(self._make_doors)
        self._bastions = on_demand.Once(self._make_bastions)
        for service, install in (
            ("rds", self._install_rds),
            ("ec2", self._install_ec2),
            ("dynamodb", self._install_dynamodb),
            ("dynamodbstreams", self._install_dynamodb),
            ("secretsmanager", self._install_secretsmanager),
            ("s3", self._install_s3),
        ):
            on_demand.correct(service, install)

    @property
    def databases(self) -> "DatabaseServers":
        """The real database servers."""
        return self._databases.get()

    @property
    def doors(self) -> "DatabaseDoors":
        """The proxies before them."""
        return self._doors.get()

    @property
    def bastions(self) -> "Bastions":
        """The SSH servers."""
        return self._bastions.get()

    @property
    def has_bastions(self) -> bool:
        """Whether any instance has asked for an SSH server yet."""
        return self._bastions.made is not None

    @property
    def in_use(self) -> list[str]:
        """What has been made so far."""
        parts: dict[str, on_demand.Once[Any]] = {
            "databases": self._databases,
            "doors": self._doors,
            "bastions": self._bastions,
        }
        return [name for name, part in parts.items() if part.made is not None]

    def end_leftovers(self) -> None:
        """Wait until no server of a killed sandbox runs: it has its files open."""
        if self._leftovers:
            self._leftovers.join()

    def close(self) -> None:
        """Stop what runs; what it keeps stays."""
        if self._bastions.made:
            self._bastions.made.stop()
        if self._doors.made:
            self._doors.made.close()
        if self._databases.made:
            self._databases.made.close()

    # -- making -----------------------------------------------------------------------------

    def _make_databases(self) -> "DatabaseServers":
        from sandbox.servers import DatabaseServers

        self.end_leftovers()
        databases = DatabaseServers(self._folder)
        # Found now, since it takes a while: later a call would wait for it.
        threading.Thread(target=_find_database_server, name="find-server", daemon=True).start()
        self._hold(databases.deferred)
        return databases

    def _make_doors(self) -> "DatabaseDoors":
        from sandbox import auth
        from sandbox.databasedoor import DatabaseDoors

        return DatabaseDoors(self._home.folder, self.databases, auth.secret_of)

    def _make_bastions(self) -> "Bastions":
        from sandbox.bastion import Bastions

        bastions = Bastions(self._home.folder, self._surroundings)
        bastions.start()
        return bastions

    # -- correcting -------------------------------------------------------------------------

    def _install_rds(self) -> None:
        from sandbox import aurora

        aurora.install(self._pace, self.databases)

    def _install_ec2(self) -> None:
        from sandbox import ec2

        ec2.install(self._pace, lambda instance_id: self.bastions.host_key(instance_id))

    def _install_dynamodb(self) -> None:
        from sandbox import dynamodb

        dynamodb.install(self._pace, self._journal)

    @staticmethod
    def _install_secretsmanager() -> None:
        from sandbox import secretsmanager

        secretsmanager.install()

    @staticmethod
    def _install_s3() -> None:
        from sandbox import s3

        s3.install()


def _find_database_server() -> None:
    from sandbox.install import find_program

    with suppress(SandboxError):  # The call that needs one says what to do.
        find_program()
