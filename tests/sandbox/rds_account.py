"""An account's RDS with real servers, in the test's own process, that can be killed."""

import pickle
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pymysql
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.rds.models import rds_backends

from sandbox import clusterservers
from sandbox.aurora import SandboxRDS, install
from sandbox.aurora.recovery import recover
from sandbox.mysqld import DatabaseServer
from sandbox.pace import DATABASES, Pace
from sandbox.servers import DatabaseServers

PASSWORD, OTHER = secrets.token_hex(8), secrets.token_hex(8)
REGION = "us-east-1"
# What a server of the other kind says of itself.
OTHER_FLAVOUR = {"mariadb": "mysqld  Ver 9.7.0 for Linux", "mysql": "mariadbd  Ver 11.8.2-MariaDB"}


class Account:
    """An account's RDS with real servers, that can be killed and started again."""

    def __init__(self, folder: Path, made: list[DatabaseServer]) -> None:
        self.folder, self.made = folder, made
        self._held: list[ThreadPoolExecutor] = []
        self._begin()
        self.rds: Any = SandboxRDS(REGION, DEFAULT_ACCOUNT_ID)
        rds_backends[DEFAULT_ACCOUNT_ID][REGION] = self.rds
        self._released = Event()

    def _begin(self) -> None:
        self.pace, self.servers = Pace("instant"), DatabaseServers(self.folder)
        install(self.pace, self.servers)

    def create(self, name: str = "c", instances: int = 1) -> None:
        self.rds.create_db_cluster(
            {
                "db_cluster_identifier": name,
                "engine": "aurora-mysql",
                "master_username": "admin",
                "master_user_password": PASSWORD,
                "database_name": "shop",
            }
        )
        for number in range(1, instances + 1):
            self.add(name, number)
        self.settle()
        if instances:
            self.write(f"{name}-1", "create table shop.t (n int primary key)")
            self.write(f"{name}-1", "insert into shop.t values (1)")

    def add(self, name: str, number: int) -> None:
        self.rds.create_db_instance(
            {
                "db_instance_identifier": f"{name}-{number}",
                "db_cluster_identifier": name,
                "engine": "aurora-mysql",
                "db_instance_class": "db.t3.medium",
            }
        )

    def settle(self) -> None:
        """Let all that is under way come to its end."""
        self.pace.hurry(DATABASES)
        self.pace.wait(DATABASES)
        self.pace.settle()

    def server(self, instance: str) -> DatabaseServer:
        return self.servers.cluster(instance.rpartition("-")[0]).servers[instance]

    def write(self, instance: str, sql: str) -> None:
        self.server(instance).execute(sql)

    def rows(self, instance: str) -> list[int]:
        return [n for (n,) in self.server(instance).execute("select n from shop.t order by n")]

    def logs_in(self, instance: str, password: str) -> bool:
        try:
            port = self.server(instance).port
            pymysql.connect(host="127.0.0.1", port=port, user="admin", password=password).close()
        except pymysql.err.OperationalError:
            return False
        return True

    def hold(self, *clusters: str) -> None:
        """From now on nothing that is asked for gets done."""
        self._released = Event()
        self._held = [self.servers.cluster(name)._worker for name in clusters or ("c",)]
        self._held.append(self.servers.snapshots._worker)
        for worker in self._held:
            worker.submit(self._released.wait)

    def killed(self, between: Callable[[], object] = int) -> "Account":
        """Kill the sandbox and its servers at once; start again, as the sandbox does.

        Args:
            between: what happens to the files meanwhile.
        """
        kept = pickle.dumps((self.rds, self.pace.passages()))
        workers = [cluster._worker for cluster in self.servers._clusters.values()]
        workers += [*self._held, self.servers.snapshots._worker]
        for worker in workers:
            worker.shutdown(wait=False, cancel_futures=True)
        self._released.set()
        for worker in workers:
            worker.shutdown()
        while self.made:
            self.made.pop().kill()
        between()
        self._begin()
        self.rds, passages = pickle.loads(kept)
        rds_backends[DEFAULT_ACCOUNT_ID][REGION] = self.rds
        self.pace.resume(passages)
        recover(self.rds)
        self.finish()
        return self

    def finish(self) -> None:
        for name in [*self.rds.clusters, "c"]:
            self.servers.cluster(name).submit(int).result(60)
        self.settle()

    def folders(self, name: str = "c") -> list[str]:
        found = [f.name for f in (self.folder / name).iterdir() if f.is_dir()]
        return sorted(found)


@contextmanager
def running_account(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account whose databases are in a folder; its servers are stopped afterwards."""
    before, made = rds_backends.backend, []

    class Noted(DatabaseServer):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr(clusterservers, "DatabaseServer", Noted)
    account = Account(folder, made)
    yield account
    account.servers.close()
    for server in made:
        server.kill()
    rds_backends.backend = before
    del rds_backends[DEFAULT_ACCOUNT_ID][REGION]


def program(folder: Path, says: str, otherwise: str = "exit 1") -> Path:
    """A program that is asked for its version, and does something else when it is to serve."""
    path = folder / f"server-{secrets.token_hex(4)}"
    path.write_text(
        f'#!/bin/sh\ncase "$*" in *--version*) echo "{says}"; exit;; esac\n{otherwise}\n'
    )
    path.chmod(0o755)
    return path
