"""What the rooms of this RDS share: what is leaving, and the passing states."""

from collections.abc import MutableMapping
from concurrent.futures import Future
from functools import partial
from typing import Any, ClassVar

from moto.rds import urls
from moto.rds.exceptions import DBClusterNotFoundError
from moto.rds.models import DBCluster, DBInstance
from moto.utilities.utils import CaseInsensitiveDict

from sandbox.aurora.events import BEGUN, CATEGORY, FAILED, OVER, Events
from sandbox.pace import Pace, Passage, picklable, set_status
from sandbox.server_errors import as_server_failed
from sandbox.servers import DatabaseServers


class AuroraBase(Events):
    """moto's RDS with the sandbox's pace and real servers at hand."""

    pace: ClassVar[Pace]
    servers: ClassVar[DatabaseServers]
    _url_module = urls  # moto looks for it beside the class

    def __init__(self, region_name: str, account_id: str):
        super().__init__(region_name, account_id)
        # Deleted, but still to be seen in state `deleting`; moto forgets them at once.
        self.leaving_instances: MutableMapping[str, DBInstance] = CaseInsensitiveDict()
        self.leaving_clusters: MutableMapping[str, DBCluster] = CaseInsensitiveDict()
        # The names of those whose data are to be removed, also when the sandbox is killed before.
        self.deleted_snapshots: set[str] = set()

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Also of an account that was kept before there was a list of deleted snapshots."""
        self.__dict__.update({"deleted_snapshots": set(), **state})

    def _cluster(self, name: str) -> DBCluster:
        if name not in self.clusters:
            raise DBClusterNotFoundError(name)
        return self.clusters[name]

    def _prepare_server(self, instance: Any) -> None:
        """Lay down what an instance's server is to know; called whenever it is about to start."""

    def _pass_cluster(
        self,
        cluster: DBCluster,
        passing: str,
        work: Future | None = None,
        lasting: str = "available",
        over: tuple[str, str] | None = None,
    ) -> None:
        name = cluster.db_cluster_identifier
        self._pass("DBCluster", cluster, name, passing, lasting, work, over)

    def _pass_instance(
        self,
        instance: DBInstance,
        passing: str,
        work: Future | None = None,
        lasting: str = "available",
        then: tuple[str, ...] = (),
    ) -> None:
        name = instance.db_instance_identifier
        self._pass("DBInstance", instance, name, passing, lasting, work, then=then)

    def _pass(
        self,
        kind: str,
        model: Any,
        name: str,
        passing: str,
        lasting: str,
        work: Future | None,
        over: tuple[str, str] | None = None,
        then: tuple[str, ...] = (),
    ) -> None:
        self.note(kind, model, BEGUN.get((kind, passing)))
        # Neither may be a closure: what the sandbox remembers of a passage, it pickles.
        show = partial(set_status, model)
        arrived = partial(self._arrived, kind, model, name, passing, over)
        failed = partial(self._failed, kind, model, name, passing)
        self.pace.begin(
            Passage(kind, name, [passing, *then], lasting, show, work, arrived, failed=failed)
        )

    @picklable
    def _arrived(
        self, kind: str, model: Any, name: str, passing: str, over: tuple[str, str] | None
    ) -> None:
        if passing == "deleting":
            leaving: MutableMapping[str, Any] = (
                self.leaving_clusters if kind == "DBCluster" else self.leaving_instances
            )
            leaving.pop(name, None)
        self.note(kind, model, over or OVER.get((kind, passing)))
        if kind == "DBInstance" and hasattr(model, "cluster"):
            model.was_available = True
            if model.cluster.status == "failed":
                self._keep_available(model.cluster)

    @picklable
    def _failed(self, kind: str, model: Any, name: str, passing: str, error: BaseException) -> None:
        """Show and note what went wrong behind a state, and let it be asked for again."""
        model.status = as_server_failed(error).status if kind == "DBInstance" else "failed"
        category, said = CATEGORY[model.status], FAILED[kind]
        if passing == "failing-over":
            category, said = "failover", "Cluster failover failed"
        self.note(kind, model, (category, f"{said}: {error}"))
        if passing == "deleting":
            # Still there: its name is not free, and it can be deleted again.
            if kind == "DBCluster":
                self.clusters[name] = self.leaving_clusters.pop(name)
            else:
                self.databases[name] = self.leaving_instances.pop(name)
                self._follow_real_writer(model.cluster, passing)
        elif kind == "DBCluster" and passing != "creating":
            self._follow_real_writer(model, passing)
            self._keep_available(model)

    def _keep_available(self, cluster: Any) -> None:
        """A cluster whose writer works is available, whatever else has failed."""
        real, writer = self.servers.cluster(cluster.db_cluster_identifier), cluster.writer
        if writer and real.has_writer and writer.db_instance_identifier == real.writer:
            cluster.status = "available"

    def _follow_real_writer(self, cluster: Any, passing: str) -> None:
        """Show as the writer the instance that really is, and which instances do not work."""
        real = self.servers.cluster(cluster.db_cluster_identifier)
        members = {member.db_instance_identifier: member for member in cluster.members}
        for name, problem in list(real.problems.items()):
            if name in members and members[name].status == "available":
                members[name].status = problem.status
        shown = cluster.writer.db_instance_identifier if cluster.writer else None
        if real.writer not in members:
            return
        for name, member in members.items():
            member.is_cluster_writer = name == real.writer
        if real.has_writer and shown != real.writer:
            over = f"Completed failover to DB instance: {real.writer}"
            if passing == "failing-over":
                over = f"Promoting previous primary again: {real.writer}"
            self.note("DBCluster", cluster, ("failover", over))

    def _leaving(
        self,
        leaving: MutableMapping,
        name: str | None,
        filters: Any,
        kind: type,
    ) -> list[Any]:
        if name:
            return [leaving[name]] if name in leaving else []
        if filters and leaving:
            return list(self._filter_resources(leaving, filters, kind).values())
        return list(leaving.values())
