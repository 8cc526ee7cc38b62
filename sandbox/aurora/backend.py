"""RDS as moto has it, where each Aurora MySQL instance is a real database server.

Other engines stay what moto makes of them: a record without a server. Each room of this package
adds the calls on one kind of thing; here they are put together.
"""

from moto.rds import urls
from moto.rds.models import rds_backends

from sandbox.aurora.catalogue import CatalogueCalls
from sandbox.aurora.clusters import ClusterCalls
from sandbox.aurora.instances import InstanceCalls
from sandbox.aurora.managed_passwords import ManagedPasswords
from sandbox.aurora.parameters_in_force import ParametersInForce
from sandbox.aurora.responses import AuroraResponse
from sandbox.aurora.settings import Settings
from sandbox.aurora.subnet_groups import SubnetGroupCalls
from sandbox.pace import Pace
from sandbox.servers import DatabaseServers


class SandboxRDS(
    CatalogueCalls,
    ParametersInForce,
    ManagedPasswords,
    Settings,
    ClusterCalls,
    InstanceCalls,
    SubnetGroupCalls,
):
    """moto's RDS with real servers behind Aurora MySQL, and with AWS's passing states."""


def install(pace: Pace, servers: DatabaseServers) -> None:
    """Put this in place of moto's own RDS."""
    SandboxRDS.pace = pace
    SandboxRDS.servers = servers
    rds_backends.backend = SandboxRDS
    urls.url_paths["{0}/$"] = AuroraResponse.dispatch
