"""Parameter groups of clusters and of instances, with AWS's rules for what is in them."""

import re
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from moto.rds.exceptions import InvalidParameterValue, RDSClientError
from moto.rds.models import DBCluster, DBClusterParameterGroup, DBParameterGroup

from sandbox.aurora import parameters
from sandbox.aurora.base import AuroraBase
from sandbox.aurora.catalogue import FAMILY
from sandbox.aurora.models import DEFAULT_GROUP, ENGINE

Group = Any  # moto's DBClusterParameterGroup or DBParameterGroup, which share no class

NAME = re.compile(r"(?!.*--)[A-Za-z][A-Za-z0-9-]{0,254}(?<!-)")
OTHER_FAMILIES = re.compile(
    r"(aurora-mysql|aurora-postgresql|mysql|mariadb|neptune|docdb|postgres)[0-9]+(\.[0-9]+)?"
    r"|(custom-)?(oracle|sqlserver|db2)-.+"
)


@dataclass(frozen=True)
class Kind:
    """What differs between the groups of clusters and those of instances."""

    level: str
    word: str
    members: str


CLUSTER = Kind("cluster", "DBClusterParameterGroup", "clusters")
INSTANCE = Kind("instance", "DBParameterGroup", "instances")


class ParameterGroupCalls(AuroraBase):
    """The calls on both kinds of groups; for other engines they are moto's.

    A group keeps in `parameters` what the customer has set: by name, ParameterName,
    ParameterValue and ApplyMethod.
    """

    def __init__(self, region_name: str, account_id: str):
        super().__init__(region_name, account_id)
        self.db_parameter_groups[DEFAULT_GROUP] = DBParameterGroup(  # type: ignore[abstract]
            self, DEFAULT_GROUP, f"Default parameter group for {FAMILY}", FAMILY
        )
        about = f"Default cluster parameter group for {FAMILY}"
        self.db_cluster_parameter_groups[DEFAULT_GROUP] = DBClusterParameterGroup(  # type: ignore[abstract]
            self, DEFAULT_GROUP, about, FAMILY
        )

    # -- make and find ----------------------------------------------------------------------

    def create_db_parameter_group(
        self, db_parameter_group_kwargs: dict[str, Any]
    ) -> DBParameterGroup:
        """AWS wants a name of letters, digits and single hyphens, and a family that exists."""
        _check_new(INSTANCE, db_parameter_group_kwargs)
        return super().create_db_parameter_group(db_parameter_group_kwargs)

    def create_db_cluster_parameter_group(
        self,
        db_cluster_parameter_group_name: str,
        db_parameter_group_family: str,
        description: str,
        tags: list[dict[str, str]] | None,
    ) -> DBClusterParameterGroup:
        """Likewise."""
        wanted = {
            "db_cluster_parameter_group_name": db_cluster_parameter_group_name,
            "db_parameter_group_family": db_parameter_group_family,
        }
        _check_new(CLUSTER, wanted)
        return super().create_db_cluster_parameter_group(
            **wanted, description=description, tags=tags
        )

    def parameter_group(self, kind: Kind, name: str) -> Group:
        """A group by its name.

        Raises:
            RDSClientError: there is none.
        """
        groups = self._kept(kind)
        if name not in groups:
            raise RDSClientError("DBParameterGroupNotFound", f"{kind.word} not found: {name}")
        return groups[name]

    def every_group(self, kind: Kind) -> list[Group]:
        """All groups of a kind, by name."""
        return sorted(self._kept(kind).values(), key=attrgetter("name"))

    def create_db_cluster(self, kwargs: dict[str, Any]) -> DBCluster:
        """AWS wants the cluster's group to exist, and to be of the engine's family."""
        self._check_cluster_group(kwargs, kwargs.get("engine"))
        return super().create_db_cluster(kwargs)

    def modify_db_cluster(self, kwargs: dict[str, Any]) -> DBCluster:
        """Likewise."""
        cluster = self._cluster(kwargs["db_cluster_identifier"])
        self._check_cluster_group(kwargs, cluster.engine)
        return super().modify_db_cluster(kwargs)

    # -- change -----------------------------------------------------------------------------

    def modify_db_parameter_group(
        self,
        db_parameter_group_name: str,
        db_parameter_group_parameters: Iterable[dict[str, Any]],
    ) -> DBParameterGroup:
        """Check every change before the first is made."""
        group = self.parameter_group(INSTANCE, db_parameter_group_name)
        changes = self._checked(INSTANCE, group, db_parameter_group_parameters)
        super().modify_db_parameter_group(db_parameter_group_name, changes)
        self._changed(INSTANCE, group, changes)
        return group

    def modify_db_cluster_parameter_group(
        self,
        db_cluster_parameter_group_name: str,
        db_cluster_parameter_group_parameters: Iterable[dict[str, Any]],
    ) -> DBClusterParameterGroup:
        """Likewise."""
        group = self.parameter_group(CLUSTER, db_cluster_parameter_group_name)
        changes = self._checked(CLUSTER, group, db_cluster_parameter_group_parameters)
        super().modify_db_cluster_parameter_group(db_cluster_parameter_group_name, changes)
        self._changed(CLUSTER, group, changes)
        return group

    def reset_parameter_group(
        self, kind: Kind, name: str, everything: bool, changes: list[dict[str, Any]]
    ) -> str:
        """Give parameters back the value they had at first; static ones wait for a reboot.

        https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ResetDBClusterParameterGroup.html
        """
        group = self.parameter_group(kind, name)
        _refuse_default(group)
        if everything:
            changes = [
                {
                    "ParameterName": each,
                    "ApplyMethod": "immediate"
                    if parameters.PARAMETERS[each].apply_type == "dynamic"
                    else "pending-reboot",
                }
                for each in group.parameters
            ]
        elif not changes:
            raise InvalidParameterValue(
                "The parameter Parameters must be provided and must not be blank."
            )
        for change in changes:
            parameter = parameters.find(kind.level, change["ParameterName"])
            parameters.check_method(parameter, change.get("ApplyMethod") or "pending-reboot")
        for change in changes:
            group.parameters.pop(change["ParameterName"], None)
        self._changed(kind, group, changes)
        return group.name

    def copy_db_parameter_group(
        self,
        source_db_parameter_group_identifier: str,
        target_db_parameter_group_identifier: str,
        target_db_parameter_group_description: str,
        tags: list[dict[str, str]] | None = None,
    ) -> DBParameterGroup:
        """Copy what is set, to a group of a new name."""
        source = self.parameter_group(INSTANCE, _name(source_db_parameter_group_identifier))
        copy = self.create_db_parameter_group(
            {
                "db_parameter_group_name": target_db_parameter_group_identifier,
                "db_parameter_group_family": source.family,
                "description": target_db_parameter_group_description,
                "tags": tags,
            }
        )
        _copy(source, copy)
        return copy

    def copy_db_cluster_parameter_group(
        self,
        source_db_cluster_parameter_group_identifier: str,
        target_db_cluster_parameter_group_identifier: str,
        target_db_cluster_parameter_group_description: str,
        tags: list[dict[str, str]] | None = None,
    ) -> DBClusterParameterGroup:
        """Likewise."""
        source = self.parameter_group(CLUSTER, _name(source_db_cluster_parameter_group_identifier))
        copy = self.create_db_cluster_parameter_group(
            target_db_cluster_parameter_group_identifier,
            source.db_parameter_group_family,
            target_db_cluster_parameter_group_description,
            tags,
        )
        _copy(source, copy)
        return copy

    # -- delete -----------------------------------------------------------------------------

    def delete_db_parameter_group(self, db_parameter_group_name: str) -> DBParameterGroup:
        """AWS keeps its own groups, and those that are in use."""
        group = self.parameter_group(INSTANCE, db_parameter_group_name)
        every = [*self.databases.values(), *self.leaving_instances.values()]
        _check_unused(INSTANCE, group, [each.db_parameter_group_name for each in every])
        return super().delete_db_parameter_group(db_parameter_group_name)

    def delete_db_cluster_parameter_group(self, db_cluster_parameter_group_name: str) -> None:
        """Likewise."""
        group = self.parameter_group(CLUSTER, db_cluster_parameter_group_name)
        every = [*self.clusters.values(), *self.leaving_clusters.values()]
        _check_unused(CLUSTER, group, [each.parameter_group for each in every])
        super().delete_db_cluster_parameter_group(db_cluster_parameter_group_name)

    # -- pieces -----------------------------------------------------------------------------

    def _kept(self, kind: Kind) -> MutableMapping[str, Any]:
        return self.db_parameter_groups if kind is INSTANCE else self.db_cluster_parameter_groups

    def _changed(self, kind: Kind, group: Group, changes: list[dict[str, Any]]) -> None:
        """Take what may change at once to where it counts."""

    def _check_cluster_group(self, kwargs: dict[str, Any], engine: str | None) -> None:
        name = kwargs.get("db_cluster_parameter_group_name")
        if not name or engine != ENGINE:
            return
        group = self.db_cluster_parameter_groups.get(name)
        if group is None:
            # Under another code than where the group is what is asked for.
            raise RDSClientError(
                "DBClusterParameterGroupNotFound", f"DBClusterParameterGroup not found: {name}"
            )
        if group.db_parameter_group_family != FAMILY:
            raise RDSClientError(
                "InvalidParameterCombination",
                f"The Parameter Group {name} with DBParameterGroupFamily "
                f"{group.db_parameter_group_family} can't be used for this instance. Please use "
                f"a Parameter Group with DBParameterGroupFamily {FAMILY}",
            )
        kwargs["db_cluster_parameter_group_name"] = group.name  # in lower case, as RDS keeps it

    @staticmethod
    def _checked(kind: Kind, group: Group, changes: Iterable[dict[str, Any]]) -> list[dict]:
        _refuse_default(group)
        changes = list(changes)
        if len(changes) > parameters.MOST_AT_ONCE:
            raise InvalidParameterValue(
                f"A maximum of {parameters.MOST_AT_ONCE} parameters can be modified in a single "
                "request."
            )
        if family_of(group) == FAMILY:
            for change in changes:
                parameters.check_change(kind.level, change)
        return changes


def family_of(group: Group) -> str:
    """The parameter group family, which moto keeps under two names."""
    if isinstance(group, DBParameterGroup):
        return group.family or ""
    return group.db_parameter_group_family


def _name(identifier: str) -> str:
    return identifier.rpartition(":")[2]  # an ARN will do


def _copy(source: Group, copy: Group) -> None:
    for name, change in source.parameters.items():
        copy.parameters[name] = dict(change)


def _check_new(kind: Kind, wanted: dict[str, Any]) -> None:
    field = "db_parameter_group_name" if kind is INSTANCE else "db_cluster_parameter_group_name"
    if not NAME.fullmatch(wanted.get(field) or ""):
        raise InvalidParameterValue(
            f"The parameter {kind.word}Name is not a valid identifier. Identifiers must begin with "
            "a letter; must contain only ASCII letters, digits, and hyphens; and must not end with "
            "a hyphen or contain two consecutive hyphens."
        )
    family = wanted.get("db_parameter_group_family") or ""
    if family != FAMILY and not OTHER_FAMILIES.fullmatch(family):
        raise InvalidParameterValue(
            f"ParameterGroupFamily {family} is not a valid parameter group family"
        )


def _refuse_default(group: Group) -> None:
    if group.name.startswith("default."):
        raise InvalidParameterValue("Cannot modify a default parameter group.")


def _check_unused(kind: Kind, group: Group, used: list[str | None]) -> None:
    if group.name.startswith("default."):
        problem = f"Default {kind.word} cannot be deleted: {group.name}"
    elif group.name in [(name or "").lower() for name in used]:
        problem = (
            f"One or more database {kind.members} are still members of this parameter group "
            f"{group.name}, so the group cannot be deleted"
        )
    else:
        return
    raise RDSClientError("InvalidDBParameterGroupState", problem)
