"""What the rooms of this RDS share: what is leaving, and the passing states."""

from collections.abc import MutableMapping
from concurrent.futures import Future
from functools import partial
from typing import Any, ClassVar

from moto.rds import urls
from moto.rds.exceptions import DBClusterNotFoundError
from moto.rds.models import DBCluster, DBInstance
from moto.utilities.utils import CaseInsensitiveDict

from sandbox.aurora.events import BEGUN, OVER, Events
from sandbox.pace import Pace, Passage, picklable, set_status
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
        self.pace.begin(Passage(kind, name, [passing, *then], lasting, show, work, arrived))

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
