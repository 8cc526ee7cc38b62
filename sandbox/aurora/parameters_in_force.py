"""What of the parameter groups holds on each instance: at once, or after its next start."""

from typing import Any

from sandbox import server_settings
from sandbox.aurora import parameters
from sandbox.aurora.models import DEFAULT_GROUP, AuroraInstance
from sandbox.aurora.parameter_groups import Group, Kind, ParameterGroupCalls

IN_SYNC, PENDING = "in-sync", "pending-reboot"


class ParametersInForce(ParameterGroupCalls):
    """Tells the real servers the parameters, when AWS would.

    An instance keeps in `in_force`, for the group of its cluster and for its own, the group's name
    and the values that hold. They become those of the group at every start of the server; a change
    of a dynamic parameter that is to apply immediately gets there at once.
    """

    def _prepare_server(self, instance: AuroraInstance) -> None:
        # Static parameters, and those of a group that is new to the instance, hold from now on.
        instance.in_force = {
            level: _state(group) for level, group in self._groups(instance).items()
        }
        self._write_settings(instance)

    def tell_again(self, instance: Any) -> None:
        """After a restart: what lies there for the server may be newer than the account."""
        if isinstance(instance, AuroraInstance):
            self._write_settings(instance)

    def parameter_in_force(self, instance: AuroraInstance, name: str) -> str | None:
        """The value of a parameter that holds on an instance; None for the engine's default."""
        return _merged(instance).get(name) or parameters.PARAMETERS[name].value or None

    def parameter_status(self, level: str, instance: AuroraInstance) -> str:
        """Whether all of a group holds on an instance, or waits for its reboot."""
        group = self._groups(instance)[level]
        return IN_SYNC if instance.in_force[level] == _state(group) else PENDING

    def _groups(self, instance: AuroraInstance) -> dict[str, Group]:
        own = instance.db_parameter_group_name or DEFAULT_GROUP
        return {
            "cluster": self.db_cluster_parameter_groups[instance.cluster.parameter_group],
            "instance": self.db_parameter_groups[own],
        }

    def _changed(self, kind: Kind, group: Group, changes: list[dict[str, Any]]) -> None:
        at_once = [c["ParameterName"] for c in changes if c.get("ApplyMethod") == "immediate"]
        values = _values(group)
        for instance in self.databases.values():
            if not isinstance(instance, AuroraInstance):
                continue
            held = instance.in_force[kind.level]
            if held["group"] != group.name:
                continue
            before = _merged(instance)
            for name in at_once:
                held["values"].pop(name, None)
                if name in values:
                    held["values"][name] = values[name]
            after = _merged(instance)
            if after == before:
                continue
            self._write_settings(instance)
            _, gone = parameters.for_servers({n: before[n] for n in before if n not in after})
            real = self.servers.cluster(instance.cluster.db_cluster_identifier)
            real.submit(
                server_settings.renew, real.servers, instance.db_instance_identifier, set(gone)
            )

    def _write_settings(self, instance: AuroraInstance) -> None:
        real = self.servers.cluster(instance.cluster.db_cluster_identifier)
        at_start, running = parameters.for_servers(_merged(instance))
        server_settings.write(real.folder / instance.db_instance_identifier, at_start, running)


def _merged(instance: AuroraInstance) -> dict[str, str]:
    # What an instance's own group says goes before what its cluster's says.
    held = instance.in_force
    return {**held["cluster"]["values"], **held["instance"]["values"]}


def _state(group: Group) -> dict[str, Any]:
    return {"group": group.name, "values": _values(group)}


def _values(group: Group) -> dict[str, str]:
    return {name: change["ParameterValue"] for name, change in group.parameters.items()}
