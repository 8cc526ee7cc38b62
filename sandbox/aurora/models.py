"""An Aurora cluster and its instances, as moto's models with what AWS does otherwise."""

import hashlib

from moto.rds.models import DBCluster, DBInstanceClustered

ENGINE = "aurora-mysql"


class AuroraCluster(DBCluster):
    """moto's cluster, whose status is what the pace says and not what was last looked at."""

    @property
    def status(self) -> str:
        """One of AWS's cluster statuses."""
        return self._status

    @status.setter
    def status(self, value: str) -> None:
        self._status = value


class AuroraInstance(DBInstanceClustered):
    """moto's instance of a cluster, in its cluster's subnets and under its account's domain."""

    @property
    def address(self) -> str:
        """The instance endpoint; its middle part is the same for all endpoints of an account."""
        return (
            f"{self.db_instance_identifier}.{self.cluster.url_identifier}"
            f".{self.region}.rds.amazonaws.com"
        )


def account_hash(account_id: str, region: str) -> str:
    """The part of every endpoint that is one for all endpoints of an account in a region."""
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Overview.Endpoints.html
    digest = hashlib.sha256(f"{account_id}:{region}".encode()).hexdigest()
    return "c" + digest[:11]
