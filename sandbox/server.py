"""The one process: moto's app with our backends behind the front door, and the real servers."""

import json
import logging
import os
import secrets
import threading
from contextlib import suppress
from typing import Any

from filelock import FileLock, Timeout

from helpers.network import can_reach, resolve
from sandbox import mysqld
from sandbox.bastion import BastionHost, Bastions, NameUnknown, PortClosed, TrafficDropped
from sandbox.calls import recorded
from sandbox.databasedoor import DatabaseDoors, endpoint_of
from sandbox.errors import SandboxError
from sandbox.home import Home, read_json, write_private
from sandbox.http import HttpServer
from sandbox.mysqld_process import free_port
from sandbox.pace import Pace, PaceName
from sandbox.servers import DatabaseServers

log = logging.getLogger("sandbox.server")

REGION = "us-east-1"
# An address for the student's machine, from the block that is kept for documentation (RFC 5737).
STUDENT_ADDRESS = "203.0.113.25"

# moto reads these when it is imported.
MOTO_SETTINGS = {
    "MOTO_DISABLE_GLOBAL_CORS": "true",
    "MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION": "true",
    "MOTO_ENABLE_KEYPAIR_VALIDATION": "true",
    "MOTO_ENABLE_AMI_VALIDATION": "true",
}


class Sandbox:
    """A local AWS account with what stands behind it."""

    def __init__(
        self,
        home: Home,
        port: int | None = None,
        pace: PaceName = "lesson",
        durable: bool = True,
    ):
        os.environ.update(MOTO_SETTINGS)
        # Imported late: moto is to read the settings above, and takes a second to import.
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        from sandbox import aurora, auth, dynamodb, ec2, s3, secretsmanager, users
        from sandbox.account import Insider
        from sandbox.frontdoor import FrontDoor
        from sandbox.ids import ReproducibleIds
        from sandbox.journal import Journal
        from sandbox.keeper import Keeper

        self.home = home
        self.pace = Pace(pace)
        journal = Journal(home.account if durable else None)
        self.databases = DatabaseServers(home.databases)
        self.doors = DatabaseDoors(home.folder, self.databases, auth.secret_of)
        self.bastions = Bastions(home.folder, self)
        aurora.install(self.pace, self.databases)
        ec2.install(self.pace, self._host_key)
        dynamodb.install(self.pace, journal)
        secretsmanager.install()
        s3.install()
        moto = DomainDispatcherApplication(create_backend_app)
        ids = ReproducibleIds(calls=journal.calls())
        self._journal = journal
        self._ids = ids
        self._keeper = Keeper(journal, self.pace, ids, home.folder if durable else None)
        self._door = FrontDoor(
            moto, self.pace, ids, self, self._keeper, self.databases.deferred, self._after_change
        )
        self._insider = Insider(moto, REGION)
        self._stopped = threading.Event()
        self._last_refusal: tuple[str, str] | None = None
        ids.before("sandbox", "Start")
        if not self._keeper.find():
            users.create_first(self._insider.iam)
        users.make_sure_of_a_key(self._insider.iam, home, REGION)
        self._keeper.keep()
        self._http = self._listen(port)

    # -- life -------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until `stop()`, then stop the real servers."""
        self.bastions.start()
        self._ids.before("sandbox", "Ready")  # the student's key was drawn from a secret
        self._after_change()
        self._recover_databases()
        thread = threading.Thread(target=self._http.serve, name="http", daemon=True)
        thread.start()
        said = {
            "pid": os.getpid(),
            "endpoint_url": self.endpoint_url,
            "pace": self.pace.name,
        }
        write_private(self.home.settings_file, json.dumps({"port": self.port}))
        write_private(self.home.running_file, json.dumps(said))
        log.info("ready at %s, pace %s", self.endpoint_url, self.pace.name)
        try:
            self._stopped.wait()
        finally:
            self.home.running_file.unlink(missing_ok=True)
            self._http.stop()
            self.bastions.stop()
            self.doors.close()
            self.databases.close()
            self._journal.close()
            log.info("stopped")

    def stop(self) -> None:
        """End `run()`; from any thread."""
        self._stopped.set()

    @property
    def port(self) -> int:
        """Where the AWS endpoint listens, on 127.0.0.1."""
        return self._http.bind_addr[1]

    @property
    def endpoint_url(self) -> str:
        """What boto3 and the AWS CLI are to be told."""
        return f"http://127.0.0.1:{self.port}"

    def _listen(self, port: int | None) -> HttpServer:
        # Without a port asked for: the one of last time, so that a notebook that is open goes on.
        last = (read_json(self.home.settings_file) or {}).get("port")
        for candidate in [port] if port else [*([last] if last else []), free_port(), free_port()]:
            server = HttpServer(
                ("127.0.0.1", candidate),
                recorded(self._door, self.pace),
                numthreads=16,
                request_queue_size=128,
                server_name="sandbox",
                timeout=60,
                shutdown_timeout=1,
            )
            try:
                server.expiration_interval = 0.1  # how soon it notices that it is to stop
                server.prepare()
            except OSError:
                continue
            return server
        raise SandboxError(
            f"Port {port} is taken by another program. "
            "Choose another, or let the sandbox find one: python -m sandbox start"
        )

    # -- what the front door asks -----------------------------------------------------------

    def answer(self, method: str, path: str, token: str) -> tuple[str, list, bytes]:
        """Answer what is asked of the sandbox itself."""
        if (method, path) == ("GET", "/_sandbox/status"):
            return _json("200 OK", self.status())
        if (method, path) == ("GET", "/_sandbox/address"):
            return _json("200 OK", {"address": STUDENT_ADDRESS})
        if (method, path) == ("GET", "/_sandbox/certificates"):
            return _json("200 OK", {"bundle": self.doors.authority.bundle()})
        if (method, path) == ("POST", "/_sandbox/stop"):
            if not secrets.compare_digest(token, self.home.token()):
                return _json("403 Forbidden", {"error": "the token is wrong"})
            self.stop()
            return _json("200 OK", {})
        return _json("404 Not Found", {"error": f"the sandbox has no {path}"})

    def status(self) -> dict[str, Any]:
        """What `python -m sandbox status --json` prints."""
        with self._door.lock:
            self.pace.settle()
            account = self._insider.account()
        writers = {
            member["DBInstanceIdentifier"]
            for cluster in account.db_clusters
            for member in cluster["DBClusterMembers"]
            if member["IsClusterWriter"]
        }
        databases = []
        for database in account.db_instances:
            cluster, name = database.get("DBClusterIdentifier"), database["DBInstanceIdentifier"]
            if cluster is None:
                continue
            address = self.databases.address(cluster, name)
            databases.append(
                {
                    "cluster": cluster,
                    "instance": name,
                    "role": "writer" if name in writers else "reader",
                    "status": database["DBInstanceStatus"],
                    "port": address[1] if address else None,
                }
            )
        return {
            "endpoint_url": self.endpoint_url,
            "pid": os.getpid(),
            "home": str(self.home.folder),
            "pace": self.pace.name,
            "bastions": self.bastions.listing(),
            "databases": databases,
        }

    def _after_change(self) -> None:
        # What has a key pair and a public address, and is not stopped, has an SSH server.
        from moto.core import DEFAULT_ACCOUNT_ID
        from moto.ec2.models import ec2_backends

        ec2 = ec2_backends[DEFAULT_ACCOUNT_ID][REGION]
        hosts = []
        for reservation in ec2.reservations.values():
            for instance in reservation.instances:
                if instance.state in ("shutting-down", "terminated"):
                    self.bastions.forget(instance.id)
                elif instance.state in ("pending", "running") and instance.public_ip:
                    pair = ec2.key_pairs.get(instance.key_name or "")
                    key = pair.material_public if pair else b""
                    text = key.decode() if isinstance(key, bytes) else key
                    hosts.append(BastionHost(instance.id, text))
        self.bastions.sync(hosts)

    def _recover_databases(self) -> None:
        from moto.core import DEFAULT_ACCOUNT_ID
        from moto.rds.models import rds_backends

        from sandbox.aurora.recovery import recover

        recover(rds_backends[DEFAULT_ACCOUNT_ID][REGION])  # type: ignore[arg-type]

    def _host_key(self, instance_id: str) -> str | None:
        return self.bastions.host_key(instance_id)

    # -- what the bastions ask --------------------------------------------------------------

    def may_enter(self, instance_id: str) -> bool:
        """Whether the student's machine reaches port 22 of an instance now."""
        with self._door.lock:
            self.pace.hurry(["Instance"])
            self.pace.settle()
            verdict = can_reach(self._insider.account(), STUDENT_ADDRESS, instance_id, 22)
        # Asked again while somebody waits at the door: said once.
        if not verdict and self._last_refusal != (instance_id, verdict.reason):
            self._last_refusal = (instance_id, verdict.reason)
            log.info("SSH to %s: silent, since %s", instance_id, verdict.reason)
        return bool(verdict)

    def address_of(self, instance_id: str, host: str, port: int) -> tuple[str, int]:
        """Where a forward from a bastion to a database endpoint really goes.

        Raises:
            NameUnknown: the host is no endpoint of this account.
            TrafficDropped: no route or no rule lets the traffic through.
            PortClosed: nothing listens there.
        """
        with self._door.lock:
            self.pace.hurry(["Instance", "DBCluster", "DBInstance"])
            self.pace.settle()
            account = self._insider.account()
        names = resolve(account, host)
        if not names:
            raise NameUnknown(host)
        database = secrets.choice(names)  # A reader endpoint spreads connections over the readers.
        verdict = can_reach(account, instance_id, database, port)
        if not verdict:
            log.info("%s to %s:%s: dropped, since %s", instance_id, host, port, verdict.reason)
            raise TrafficDropped(host)
        record = next(d for d in account.db_instances if d["DBInstanceIdentifier"] == database)
        if port != record["Endpoint"]["Port"]:
            raise PortClosed(host)
        address = self.doors.address(endpoint_of(account, record, REGION))
        if address is None:
            raise PortClosed(host)
        return address


def serve(home: Home, port: int | None, pace: PaceName, durable: bool = True) -> None:
    """Be the sandbox process of a home, until it is told to stop.

    Args:
        home: its folder.
        port: where to listen; None for the one of last time, or a free one.
        pace: how long things take.
        durable: whether the account is kept on disk.

    Raises:
        SandboxError: where another process serves this home, or the port is taken.
    """
    import signal

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    lock = FileLock(home.lock_file)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise SandboxError(f"Another process is serving {home.folder} already.") from error
    # The database servers that a sandbox has left that was killed: they end while we begin.
    leftovers = threading.Thread(target=mysqld.stop_leftovers, args=[home.folder])
    leftovers.start()
    sandbox = Sandbox(home, port, pace, durable)
    leftovers.join()
    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
        with suppress(AttributeError):
            signal.signal(getattr(signal, name), lambda *_: sandbox.stop())
    try:
        sandbox.run()
    finally:
        lock.release()
    # Everything is closed and written. Without this, Python takes half a second to free moto.
    logging.shutdown()
    os._exit(0)


def _json(status: str, data: dict) -> tuple[str, list, bytes]:
    body = json.dumps(data).encode()
    return status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))], body
