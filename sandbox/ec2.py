"""EC2 as moto has it, with AWS's passing states, and a console output that tells the host keys."""

from collections.abc import Callable
from typing import Any, ClassVar

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2 import urls
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.instances import Instance, InstanceState, Reservation
from moto.ec2.responses import EC2Response
from moto.ec2.utils import Base64EncodedString

from sandbox.pace import Pace, Passage

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

    def run_instances(self, *args: Any, **kwargs: Any) -> Reservation:
        """AWS answers `pending`, and names the groups of the first network interface."""
        reservation = super().run_instances(*args, **kwargs)
        for instance in reservation.instances:
            instance.security_groups = instance.security_groups or instance.nics[0].group_set
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

    def _pass(self, instance: Instance, passing: str, lasting: str) -> None:
        def show(state: str) -> None:
            instance._state.name, instance._state.code = state, CODES[state]

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


def install(pace: Pace, host_key: Callable[[str], str | None]) -> None:
    """Put this in place of moto's own EC2; `host_key(instance_id)` is None for no SSH server."""
    SandboxEC2.pace = pace
    SandboxEC2.host_key = staticmethod(host_key)
    ec2_backends.backend = SandboxEC2
    urls.url_paths["{0}/"] = SandboxEC2Response.dispatch
