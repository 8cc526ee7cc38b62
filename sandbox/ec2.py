"""EC2 as moto has it, with AWS's passing states, and a console output that tells the host keys."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2 import urls
from moto.ec2.exceptions import DependencyViolationError
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.instances import Instance, InstanceState, Reservation
from moto.ec2.models.subnets import Subnet
from moto.ec2.models.vpcs import VPC
from moto.ec2.responses import EC2Response
from moto.ec2.utils import Base64EncodedString
from moto.moto_api._internal import mock_random

from sandbox.ids import drawn_apart
from sandbox.pace import Pace, Passage

HOME = "us-east-1"  # the course's region
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html
CODES = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}


class SandboxEC2(EC2Backend):
    """moto's EC2, whose instances take their time to start, to stop and to end."""

    pace: ClassVar[Pace]
    host_key: ClassVar[Callable[[str], str | None]]
    _url_module = urls  # moto looks for it beside the class
    _drawn_from: Any = None

    def __init__(self, region_name: str, account_id: str):
        # The default VPC has the same ids, whichever call is the first to need it.
        with drawn_apart("sandbox:Ready:1" + ("" if region_name == HOME else f":{region_name}")):
            super().__init__(region_name, account_id)

    def __getstate__(self) -> dict[str, Any]:
        """Without Amazon's own images, which are nine tenths of it and always the same."""
        state = dict(vars(self))
        state["amis"] = {name: ami for name, ami in self.amis.items() if not _is_amazons(ami)}
        amazons = {ami.ebs_snapshot.id for ami in self.amis.values() if _is_amazons(ami)}
        state["snapshots"] = {n: s for n, s in self.snapshots.items() if n not in amazons}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take Amazon's images from a backend that is made with the same random numbers."""
        fresh: Any = SandboxEC2.__new__(SandboxEC2)
        fresh._drawn_from = state["_drawn_from"]
        fresh.__init__(state["region_name"], state["account_id"])
        for ami in fresh.amis.values():
            ami.ec2_backend = self
        self.__dict__.update(state)
        self.amis = {**fresh.amis, **state["amis"]}
        self.snapshots = {**fresh.snapshots, **state["snapshots"]}

    def _load_amis(self) -> None:
        # Their snapshots have random ids.
        if self._drawn_from is None:
            self._drawn_from = mock_random.getstate()
        else:
            mock_random.setstate(self._drawn_from)
        super()._load_amis()

    def run_instances(self, *args: Any, **kwargs: Any) -> Reservation:
        """AWS answers `pending`, and names the groups of the first network interface."""
        reservation = super().run_instances(*args, **kwargs)
        for instance in reservation.instances:
            instance.security_groups = instance.security_groups or instance.nics[0].group_set
            self._delete_interfaces_with(instance, kwargs.get("nics") or [])
            self._pass(instance, "pending", "running")
        return reservation

    def start_instances(self, instance_ids: list[str]) -> list[tuple[Instance, InstanceState]]:
        """AWS goes `stopped`, `pending`, `running`."""
        changes = super().start_instances(instance_ids)
        for instance, before in changes:
            if before.name != "running":
                self._pass(instance, "pending", "running")
        return changes

    def stop_instances(self, instance_ids: list[str]) -> list[tuple[Instance, InstanceState]]:
        """AWS goes `running`, `stopping`, `stopped`."""
        changes = super().stop_instances(instance_ids)
        for instance, before in changes:
            if before.name != "stopped":
                self._pass(instance, "stopping", "stopped")
        return changes

    def terminate_instances(self, instance_ids: list[str]) -> list[tuple[Instance, InstanceState]]:
        """AWS goes `running`, `shutting-down`, `terminated`."""
        changes = super().terminate_instances(instance_ids)
        for instance, before in changes:
            if before.name != "terminated":
                self._pass(instance, "shutting-down", "terminated")
        return changes

    # -- what is in use is not deleted ------------------------------------------------------

    def delete_subnet(self, subnet_id: str) -> Subnet:
        """AWS refuses while an EC2 or a DB instance is in the subnet."""
        zone = self.get_subnet(subnet_id).availability_zone
        databases = [
            database
            for database in self._databases()
            if database.availability_zone == zone
            and subnet_id in [s["SubnetIdentifier"] for s in _subnets_of(database)]
        ]
        if databases or any(i.subnet_id == subnet_id for i in self._alive()):
            raise DependencyViolationError(
                f"The subnet '{subnet_id}' has dependencies and cannot be deleted."
            )
        return super().delete_subnet(subnet_id)

    def delete_security_group(self, name: str | None = None, group_id: str | None = None) -> None:
        """AWS refuses while an instance wears the group, or another group's rule names it."""
        group = self.get_security_group_by_name_or_id(group_id or name or "")
        if group is not None:
            named_by = [
                other.id
                for groups in self.groups.values()
                for other in groups.values()
                for rule in other.ingress_rules + other.egress_rules
                if other.id != group.id and group.id == rule.source_group.get("GroupId")
            ]
            worn_by = [i.id for i in self._alive() if group in i.security_groups]
            worn_by += [
                database.db_instance_identifier
                for database in self._databases()
                if group.id in database.vpc_security_group_ids
            ]
            if named_by or worn_by:
                raise DependencyViolationError(f"resource {group.id} has a dependent object")
        super().delete_security_group(name, group_id)

    def detach_internet_gateway(self, internet_gateway_id: str, vpc_id: str) -> None:
        """AWS refuses while an instance of the VPC has a public address."""
        if any(i.vpc_id == vpc_id and i.public_ip for i in self._alive()):
            raise DependencyViolationError(
                f"Network {vpc_id} has some mapped public address(es). Please unmap those public "
                "address(es) before detaching the gateway."
            )
        super().detach_internet_gateway(internet_gateway_id, vpc_id)

    def delete_vpc(self, vpc_id: str) -> VPC:
        """AWS refuses while the VPC has a gateway, or a security group that is not the default."""
        gateways = [g for g in self.internet_gateways.values() if g.vpc and g.vpc.id == vpc_id]
        groups = [g for g in self.groups.get(vpc_id, {}).values() if g.name != "default"]
        if gateways or groups:
            raise DependencyViolationError(
                f"The vpc '{vpc_id}' has dependencies and cannot be deleted."
            )
        return super().delete_vpc(vpc_id)

    def _alive(self) -> list[Instance]:
        every = [i for reservation in self.reservations.values() for i in reservation.instances]
        return [instance for instance in every if instance.state != "terminated"]

    def _databases(self) -> list[Any]:
        from moto.rds.models import rds_backends  # most accounts that use EC2 alone never need it

        return rds_backends[self.account_id][self.region_name].describe_db_instances()

    @staticmethod
    def _delete_interfaces_with(instance: Instance, asked: list[dict[str, Any]]) -> None:
        # AWS's default for an interface that is made with the instance; moto's is to keep it.
        kept = [
            int(interface["DeviceIndex"])
            for interface in asked
            if "NetworkInterfaceId" in interface or interface.get("DeleteOnTermination") is False
        ]
        for index, interface in instance.nics.items():
            if index not in kept:
                interface.delete_on_termination = True

    def _pass(self, instance: Instance, passing: str, lasting: str) -> None:
        show = partial(_show, instance)
        self.pace.begin(Passage("Instance", instance.id, [passing], lasting, show))


class SandboxEC2Response(EC2Response):
    """moto's EC2 front, with the one answer that it makes up replaced by a true one."""

    def get_console_output(self) -> ActionResult:
        """What the console shows after boot: the SSH host keys, as cloud-init prints them.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetConsoleOutput.html
        """
        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        key = SandboxEC2.host_key(instance.id)
        lines = [f"{instance.id} login:"]
        if key:
            lines = [
                "-----BEGIN SSH HOST KEY KEYS-----",
                key,
                "-----END SSH HOST KEY KEYS-----",
                *lines,
            ]
        output = Base64EncodedString.from_raw_string("\n".join(lines) + "\n")
        result = {"InstanceId": instance.id, "Timestamp": utcnow(), "Output": output}
        return ActionResult(result)


def _is_amazons(ami: Any) -> bool:
    return ami.owner_alias == "amazon"


def _show(instance: Instance, state: str) -> None:
    instance._state.name, instance._state.code = state, CODES[state]


def _subnets_of(database: Any) -> list[dict[str, Any]]:
    group = getattr(database, "db_subnet_group", None)
    return group.subnets if group else []


def install(pace: Pace, host_key: Callable[[str], str | None]) -> None:
    """Put this in place of moto's own EC2; `host_key(instance_id)` is None for no SSH server."""
    SandboxEC2.pace = pace
    SandboxEC2.host_key = staticmethod(host_key)
    ec2_backends.backend = SandboxEC2
    urls.url_paths["{0}/"] = SandboxEC2Response.dispatch
