"""An Aurora cluster and its instances, as moto's models with what AWS does otherwise."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from moto.core.utils import utcnow
from moto.rds.models import DBCluster, DBClusterSnapshot, DBInstanceClustered

from sandbox.aurora.master_secret import MasterSecret, new_password
from sandbox.digits import whole_number
from sandbox.servers import Master

ENGINE = "aurora-mysql"
DEFAULT_GROUP = "default.aurora-mysql8.0"


@dataclass(frozen=True)
class Origin:
    """Where a restored cluster has its data from: a snapshot, or a cluster as it was at a moment.

    A moment is a time, a position of the source's history, or None for what its volume holds.
    """

    snapshot: str | None = None
    cluster: str | None = None
    moment: datetime | str | None = None


class AuroraCluster(DBCluster):
    """moto's cluster, whose status is what the pace says and not what was last looked at.

    Attributes:
        origin: of a restored cluster, where its data come from.
    """

    backend: Any  # the SandboxRDS, which builds on this module
    origin: Origin | None = None
    pending_modified_values: dict[str, str]

    def __init__(
        self,
        backend: Any,
        master_user_password: str | None = None,
        manage_master_user_password: bool | None = False,
        master_user_secret_kms_key_id: str | None = None,
        **kwargs: Any,
    ):
        # moto would keep one and the same password in every secret, and none for the server.
        if manage_master_user_password:
            master_user_password = new_password()
        super().__init__(backend, master_user_password=master_user_password, **kwargs)
        self.manage_master_user_password = bool(manage_master_user_password)
        if manage_master_user_password:
            self.master_user_secret = MasterSecret(self, master_user_secret_kms_key_id)

    @property
    def status(self) -> str:
        """One of AWS's cluster statuses."""
        return self._status

    @status.setter
    def status(self, value: str) -> None:
        self._status = value

    def successor(self) -> DBInstanceClustered | None:
        """The reader to take over: of the lowest promotion tier, and there the largest."""
        readers = [m for m in self._members if not m.is_cluster_writer and m.status == "available"]
        return min(readers, key=lambda m: (m.promotion_tier, -_size(m)), default=None)

    def designate_writer(self) -> None:
        """Where there is no writer, the one whose turn it is becomes it; else any there is."""
        if self.writer is None and self._members:
            self.writer = self.successor() or self._members[0]

    def master(self) -> Master:
        """The master user, with the password that was last given to RDS or made by it."""
        user = self.master_username or "admin"
        return Master(user, self._master_user_password, self.database_name)

    @property
    def db_cluster_members(self) -> list[dict[str, Any]]:
        """The members, and whether the cluster's parameters hold on each of them already."""
        return [
            {
                "DBInstanceIdentifier": member.db_instance_identifier,
                "IsClusterWriter": member.is_cluster_writer,
                "DBClusterParameterGroupStatus": self.backend.parameter_status("cluster", member),
                "PromotionTier": member.promotion_tier,
            }
            for member in self.members
        ]

    @property
    def earliest_restorable_time(self) -> datetime:
        """In UTC: backups begin with the cluster, and are kept for its retention period."""
        return max(self._first_backup, utcnow() - timedelta(days=self.backup_retention_period))

    @earliest_restorable_time.setter
    def earliest_restorable_time(self, value: datetime) -> None:
        self._first_backup = value


class AuroraSnapshot(DBClusterSnapshot):
    """moto's snapshot, with where its data come from.

    Attributes:
        position: the moment of the cluster's history that it shows; None for what its volume held.
        copied_from: of a copy, the snapshot's name.
    """

    position: str | None = None
    copied_from: str | None = None


class AuroraInstance(DBInstanceClustered):
    """moto's instance of a cluster, in its cluster's subnets and under its account's domain.

    Attributes:
        in_force: of its cluster's parameter group and of its own, what holds on the server.
        was_available: whether it was ever made, so that its data should be there.
    """

    backend: Any  # the SandboxRDS, which builds on this module
    cluster: AuroraCluster
    in_force: dict[str, dict[str, Any]]
    was_available = False
    pending_modified_values: dict[str, str]

    @property
    def address(self) -> str:
        """The instance endpoint; its middle part is the same for all endpoints of an account."""
        return (
            f"{self.db_instance_identifier}.{self.cluster.url_identifier}"
            f".{self.region}.rds.amazonaws.com"
        )

    @property
    def iam_database_authentication_enabled(self) -> bool:
        """As on the cluster: it is set there for all instances."""
        return self.cluster.iam_database_authentication_enabled

    def default_db_parameter_group_details(self) -> tuple[str, str]:
        """The family and the name of the group of an instance that was given none."""
        return DEFAULT_GROUP.removeprefix("default."), DEFAULT_GROUP

    @property
    def db_parameter_group_status_list(self) -> list[dict[str, str]]:
        """The instance's own group, and whether its parameters hold already."""
        status = self.backend.parameter_status("instance", self)
        name = self.db_parameter_group_name or DEFAULT_GROUP
        return [{"DBParameterGroupName": name, "ParameterApplyStatus": status}]


def _size(instance: DBInstanceClustered) -> float:
    """Compares instance classes by what they hold: 2xlarge is twice an xlarge."""
    size = instance.db_instance_class.rpartition(".")[2]
    times, _, name = size.rpartition("xlarge") if size.endswith("xlarge") else ("", "", size)
    return {"": 4, "large": 2, "medium": 1}.get(name, 0) * whole_number(times or "1")


def account_hash(account_id: str, region: str) -> str:
    """The part of every endpoint that is one for all endpoints of an account in a region."""
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Overview.Endpoints.html
    digest = hashlib.sha256(f"{account_id}:{region}".encode()).hexdigest()
    return "c" + digest[:11]
