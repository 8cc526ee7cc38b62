"""The one process: moto's app with our backends behind the front door, and the real servers."""

import gc
import json
import logging
import os
import secrets
import shutil
import threading
from contextlib import suppress
from typing import Any

from filelock import FileLock, Timeout

from helpers.network import can_reach, resolve
from sandbox.calls import recorded
from sandbox.deferred import Deferred
from sandbox.entry import EntryRules
from sandbox.errors import SandboxError
from sandbox.home import Home, read_json, write_private
from sandbox.http import HttpServer
from sandbox.hurry import Hurry
from sandbox.mysqld_process import free_port, stop_leftovers
from sandbox.pace import DATABASES, Pace, PaceName
from sandbox.protocol import Call

log = logging.getLogger("sandbox.server")

REGION = "us-east-1"
# An address for the student's machine, from the block that is kept for documentation (RFC 5737).
STUDENT_ADDRESS = "203.0.113.25"

PREDECESSOR_TIMEOUT = 5.0  # seconds that a sandbox has to end before the next one takes its home

# Calls on these start no database server, nor does what moto does for them.
WITHOUT_SERVERS = ("iam", "sts", "dynamodb")

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
        leftovers: threading.Thread | None = None,
    ):
        os.environ.update(MOTO_SETTINGS)
        # Imported late: moto is to read the settings above, and only `serve` needs it at all.
        from moto.core import DEFAULT_ACCOUNT_ID
        from moto.iam.models import iam_backends
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        from sandbox import aws_files, service_models, users
        from sandbox.account import Insider
        from sandbox.frontdoor import FrontDoor
        from sandbox.ids import ReproducibleIds
        from sandbox.journal import Journal
        from sandbox.keeper import Keeper
        from sandbox.parts import Parts

        service_models.install()
        self.home = home
        self.pace = Pace(pace)
        self._hurry = Hurry(self.pace)
        self._journal = Journal(home.account if durable else None)
        self._durable = durable
        databases = home.databases if durable else home.databases_in_memory
        if not durable:
            # The account of last time is gone, and so are the databases that it named.
            shutil.rmtree(databases, ignore_errors=True)
        self._parts = Parts(home, databases, self.pace, self._journal, self, leftovers, self._hold)
        self._ids = ReproducibleIds(calls=self._journal.calls())
        self._keeper = Keeper(self._journal, self.pace, self._ids, home.folder if durable else None)
        self._door = FrontDoor(
            DomainDispatcherApplication(create_backend_app),
            self.pace,
            self._ids,
            self,
            self._keeper,
            self._after_change,
            self._prepare,
        )
        self._insider = Insider(REGION)
        self._entry = EntryRules(
            lambda name: can_reach(self._insider.account(), STUDENT_ADDRESS, name, 22)
        )
        self._syncing = threading.Lock()
        self._stopped = threading.Event()
        self._complete = threading.Event()  # everything of a kept account is back
        self._fault: SandboxError | None = None
        self._last_refusal: tuple[str, str] | None = None
        self._ids.before("sandbox", "Start")
        iam = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
        if not self._keeper.find():
            users.create_first(iam)
        # What is kept may be other users than those of the backend above.
        users.make_sure_of_a_key(iam_backends[DEFAULT_ACCOUNT_ID]["aws"], home, REGION)
        aws_files.keep_clients_here(home)
        if not self._keeper.rest_is_due:
            self._keeper.keep()
        self._http = self._listen(port)

    # -- life -------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until `stop()`, then stop the real servers."""
        thread = threading.Thread(target=self._http.serve, name="http", daemon=True)
        thread.start()
        said = {
            "pid": os.getpid(),
            "endpoint_url": self.endpoint_url,
            "pace": self.pace.name,
            "in_memory": not self._durable,
        }
        write_private(self.home.settings_file, json.dumps({"port": self.port}))
        write_private(self.home.running_file, json.dumps(said))
        log.info("ready at %s, pace %s", self.endpoint_url, self.pace.name)
        try:
            self._bring_back()
            self._stopped.wait()
        finally:
            self.home.running_file.unlink(missing_ok=True)
            self._http.stop()
            self._parts.close()
            self._journal.close()
            log.info("stopped")

    def _bring_back(self) -> None:
        """Have a kept account's other services, its bastions and its databases back.

        Calls that only look at users and keys are answered meanwhile.
        """
        try:
            if self._keeper.rest_is_due:
                self._parts.end_leftovers()  # before the lock is taken: it may last
            with self._door.lock:
                self._ids.before("sandbox", "Ready")  # the student's key was drawn from a secret
                if self._keeper.rest_is_due:
                    self._keeper.find_rest()
                    self._keeper.keep()  # the users' and keys' part may have changed at the start
            self._after_change()
            with self._door.lock:
                self._recover_databases()
        except SandboxError as error:
            log.error("%s", error)
            self._fault = error
        self._complete.set()

    def _prepare(self, call: Call) -> None:
        """Have what a call needs; to be called before the door's lock is taken.

        Raises:
            SandboxError: the account that is kept cannot be read.
        """
        from sandbox.keeper import changes

        if call.service not in ("iam", "sts") or changes(call):
            self._complete.wait()
        if self._fault:
            raise self._fault
        if self._hurry.is_over:
            self.take_time()
        if call.service not in WITHOUT_SERVERS:
            _ = self._parts.databases

    def stop(self) -> None:
        """End `run()`; from any thread."""
        self._stopped.set()

    def hurry(self) -> None:
        """Let passing states pass at once for a while."""
        with self._door.lock:
            self._hurry.begin()

    def take_time(self) -> None:
        """Go on at the pace that the sandbox was started with."""
        with self._door.lock:
            self._hurry.end()

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
        if (method, path) == ("GET", "/_sandbox/health"):
            return _json("200 OK", {"home": str(self.home.folder), "pid": os.getpid()})
        if (method, path) == ("GET", "/_sandbox/status"):
            return _json("200 OK", self.status())
        if (method, path) == ("GET", "/_sandbox/address"):
            return _json("200 OK", {"address": STUDENT_ADDRESS})
        if (method, path) == ("GET", "/_sandbox/certificates"):
            return _json("200 OK", {"bundle": self._parts.doors.authority.bundle()})
        command = COMMANDS.get(path) if method == "POST" else None
        if command:
            if not secrets.compare_digest(token, self.home.token()):
                return _json("403 Forbidden", {"error": "the token is wrong"})
            command(self)
            return _json("200 OK", {})
        return _json("404 Not Found", {"error": f"the sandbox has no {path}"})

    def status(self) -> dict[str, Any]:
        """What `python -m sandbox status --json` prints."""
        self._complete.wait()
        self.pace.wait(DATABASES)
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
            address = self._parts.databases.address(cluster, name)
            problem = self._parts.databases.problem(cluster, name)
            databases.append(
                {
                    "cluster": cluster,
                    "instance": name,
                    "role": "writer" if name in writers else "reader",
                    "status": database["DBInstanceStatus"],
                    "port": address[1] if address else None,
                    "problem": str(problem) if problem else None,
                }
            )
        return {
            "endpoint_url": self.endpoint_url,
            "pid": os.getpid(),
            "home": str(self.home.folder),
            "pace": self._hurry.usual,
            "bastions": self._parts.bastions.listing() if self._parts.has_bastions else [],
            "databases": databases,
            "kept": self._parts.databases.kept() if "databases" in self._parts.in_use else [],
        }

    def _after_change(self) -> None:
        """Bring the SSH servers in line with the account; to be called without the lock."""
        self._entry.changed()
        with self._syncing:  # So that the last to look at the account is the last to sync.
            with self._door.lock:
                hosts, gone = self._bastion_hosts()
            if not (hosts or gone or self._parts.has_bastions):
                return
            from sandbox.bastion import BastionHost

            for instance_id in gone:
                self._parts.bastions.forget(instance_id)
            self._parts.bastions.sync([BastionHost(*host) for host in hosts])

    def _bastion_hosts(self) -> tuple[list[tuple[str, str]], list[str]]:
        """The instances with an SSH server and their public keys, and the ids of those without."""
        # What has a key pair and a public address, and is not stopped, has an SSH server.
        ec2 = self._in_use("ec2")
        hosts: list[tuple[str, str]] = []
        gone: list[str] = []
        for reservation in ec2.reservations.values() if ec2 else ():
            for instance in reservation.instances:
                if instance.state in ("shutting-down", "terminated"):
                    gone.append(instance.id)
                elif instance.state in ("pending", "running") and instance.public_ip:
                    pair = ec2.key_pairs.get(instance.key_name or "")
                    key = pair.material_public if pair else b""
                    hosts.append((instance.id, key.decode() if isinstance(key, bytes) else key))
        return hosts, gone

    def _recover_databases(self) -> None:
        rds = self._in_use("rds")
        if rds is not None:
            from sandbox.aurora.recovery import recover

            recover(rds)

    @staticmethod
    def _in_use(service: str) -> Any:
        from moto.core import DEFAULT_ACCOUNT_ID

        from sandbox import on_demand

        return on_demand.in_use(service, DEFAULT_ACCOUNT_ID, REGION)

    def _hold(self, deferred: Deferred) -> None:
        self._door.deferred = deferred

    # -- what the bastions ask --------------------------------------------------------------

    def may_enter(self, instance_id: str) -> bool:
        """Whether the student's machine reaches port 22 of an instance now."""
        with self._door.lock:
            self.pace.hurry(["Instance"])
            self.pace.settle()
            moving = any(each.kind == "Instance" for each in self.pace.passages()[1])
            verdict = self._entry.verdict(instance_id, moving)
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
        from sandbox.bastion import NameUnknown, PortClosed, TrafficDropped
        from sandbox.databasedoor import endpoint_of

        with self._door.lock:
            self.pace.hurry(["Instance", "DBCluster", "DBInstance"])
        self.pace.wait(["DBCluster", "DBInstance"])
        with self._door.lock:
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
        address = self._parts.doors.address(endpoint_of(account, record, REGION))
        if address is None:
            raise PortClosed(host)
        return address


# What a program of the same user may ask for, with the home's token.
COMMANDS = {
    "/_sandbox/stop": Sandbox.stop,
    "/_sandbox/hurry": Sandbox.hurry,
    "/_sandbox/take-time": Sandbox.take_time,
}


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
        # A sandbox that was told to stop holds it until its databases are down.
        lock.acquire(timeout=PREDECESSOR_TIMEOUT)
    except Timeout as error:
        raise SandboxError(f"Another process is serving {home.folder} already.") from error
    # The database servers that a sandbox has left that was killed: they end while we begin.
    leftovers = threading.Thread(target=stop_leftovers, args=[home.folder])
    leftovers.start()
    gc.disable()  # while everything that is loaded stays
    sandbox = Sandbox(home, port, pace, durable, leftovers)
    gc.freeze()
    gc.enable()
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
