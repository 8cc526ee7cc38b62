"""DynamoDB as moto has it, with AWS's passing states and sorted storage behind its tables."""

import time
from functools import partial
from typing import Any, ClassVar

from moto.dynamodb import urls
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import GlobalSecondaryIndex

from sandbox.dynamodb.errors import DynamoDBError, in_use, invalid, not_found
from sandbox.dynamodb.expiry import expire
from sandbox.dynamodb.table import SandboxTable
from sandbox.pace import Pace, Passage, picklable, set_status

BUSY = {"CREATING": "created", "UPDATING": "updated", "DELETING": "deleted"}


class SandboxDynamoDB(DynamoDBBackend):
    """moto's DynamoDB, whose tables and indexes take their time and keep AWS's limits.

    Attributes:
        tables: by name, those that are being deleted too.
        backups: by ARN.
        tokens: client request tokens of transactions: the request and its time.
    """

    pace: ClassVar[Pace]
    _url_module = urls  # moto looks for it beside the class
    tables: dict[str, SandboxTable]  # type: ignore[assignment]
    backups: dict[str, Any]

    def __init__(self, region_name: str, account_id: str):
        super().__init__(region_name, account_id)
        self.tokens: dict[str, tuple[str, float]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Without the tokens, which are rows of the journal."""
        return {**vars(self), "tokens": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the tokens of this region from the journal."""
        self.__dict__.update(state)
        prefix = f"{self.region_name}:"
        self.tokens = {
            token.removeprefix(prefix): (request, since)
            for token, request, since in SandboxTable.journal.tokens()
            if token.startswith(prefix)
        }

    # -- finding ----------------------------------------------------------------------------

    def table_named(self, name: str) -> SandboxTable:
        """A table in any state.

        Args:
            name: its name or its ARN.

        Raises:
            DynamoDBError: ResourceNotFoundException, which names the table.
        """
        table = self._find(name)
        if table is None:
            raise not_found(name)
        return table

    def table_for_traffic(self, name: str) -> SandboxTable:
        """A table that takes item operations.

        At pace `instant` the first traffic ends the creation: a test waits for nothing.

        Raises:
            DynamoDBError: ResourceNotFoundException, as AWS says of a table being created too.
        """
        table = self._find(name)
        if table is not None and table.status == "CREATING":
            self.pace.hurry(["Table"], table.table_arn)
        if table is None or table.status in ("CREATING", "DELETING"):
            raise not_found()
        return table

    def get_table(self, table_name: str) -> SandboxTable:
        """What moto's own operations look for."""
        table = self._find(table_name)
        if table is None:
            raise not_found()
        return table

    def _find(self, name: str) -> SandboxTable | None:
        return self.tables.get(name.rpartition("/")[2] if name.startswith("arn:") else name)

    # -- tables -----------------------------------------------------------------------------

    def create_table(self, name: str, **settings: Any) -> SandboxTable:  # type: ignore[override]
        """Pass through CREATING.

        Raises:
            DynamoDBError: ResourceInUseException for a name that is taken.
        """
        if name in self.tables:
            # Here AWS says only this much.
            raise DynamoDBError("ResourceInUseException", f"Table already exists: {name}")
        # The abstract methods are CloudFormation's, which the sandbox does not offer.
        table = SandboxTable(  # type: ignore[abstract]
            name, account_id=self.account_id, region=self.region_name, **settings
        )
        self.tables[name] = table
        self._pass_table(table, "CREATING")
        return table

    def delete_table(self, name: str) -> SandboxTable:
        """Pass through DELETING.

        Raises:
            DynamoDBError: ResourceNotFoundException, ResourceInUseException while it changes, or
                ValidationException for a table that is protected.
        """
        table = self.table_named(name)
        self.check_idle(table, ("CREATING", "UPDATING", "DELETING"))
        if any(index.status != "ACTIVE" for index in table.global_indexes):
            raise in_use(
                "Cannot delete table while indexes are being created, updated, or deleted."
            )
        if table.deletion_protection_enabled:
            raise invalid(
                "Resource cannot be deleted as it is currently protected against deletion. "
                "Disable deletion protection first."
            )
        self._pass_table(table, "DELETING")
        return table

    def check_idle(self, table: SandboxTable, states: tuple[str, ...]) -> None:
        """Refuse a change while the table is in one of these states."""
        if table.status in states:
            raise in_use(f"Table is being {BUSY[table.status]}: {table.name}")

    def begin_update(self, table: SandboxTable) -> None:
        """Pass through UPDATING."""
        self._pass_table(table, "UPDATING")

    def create_index(self, table: SandboxTable, settings: dict[str, Any]) -> None:
        """Add a global secondary index, which is CREATING until its backfill is complete."""
        index = GlobalSecondaryIndex.create(settings, table.table_key_attrs)
        index.status = "CREATING"
        table.open_index(index)
        self._pass_index(table, index, "CREATING")

    def delete_index(self, table: SandboxTable, index: GlobalSecondaryIndex) -> None:
        """Pass through DELETING."""
        self._pass_index(table, index, "DELETING")

    def look_at(self, table: SandboxTable) -> dict[str, Any]:
        """DescribeTable's answer; its passing states count as seen."""
        answer = table.describe("Table")
        arn = table.table_arn
        self.pace.mark_seen("Table", lambda name: name == arn)
        self.pace.mark_seen("Index", lambda name: name.startswith(f"{arn}/index/"))
        return answer

    def look_at_names(self) -> list[str]:
        """ListTables' names in order; those of tables being deleted count as seen."""
        leaving = {t.table_arn for t in self.tables.values() if t.status == "DELETING"}
        self.pace.mark_seen("Table", lambda name: name in leaving)
        return sorted(self.tables)

    def tag_resource(self, arn: str, tags: dict[str, str]) -> None:
        """A tag that is there takes the new value; moto would have it twice."""
        self.untag_resource(arn, list(tags))
        super().tag_resource(arn, tags)

    # -- time -------------------------------------------------------------------------------

    def settle(self) -> None:
        """Remove what has expired. To be called before each request."""
        now = time.time()
        for table in self.tables.values():
            if table.expiry is not None and table.status in ("ACTIVE", "UPDATING"):
                expire(table, self.pace.name, now)

    def _pass_table(self, table: SandboxTable, passing: str) -> None:
        show = partial(set_status, table)
        arrived = partial(self._table_arrived, table, passing)
        lasting = "DELETED" if passing == "DELETING" else "ACTIVE"
        name = table.table_arn
        self.pace.begin(Passage("Table", name, [passing], lasting, show, None, arrived))

    @picklable
    def _table_arrived(self, table: SandboxTable, passing: str) -> None:
        if passing == "DELETING" and self.tables.get(table.name) is table:
            del self.tables[table.name]
            table.forget()
        if table.restored:
            table.restored["RestoreInProgress"] = False

    def _pass_index(self, table: SandboxTable, index: GlobalSecondaryIndex, passing: str) -> None:
        show = partial(set_status, index)
        arrived = partial(table.close_index, index.name) if passing == "DELETING" else None
        lasting = "DELETED" if passing == "DELETING" else "ACTIVE"
        name = f"{table.table_arn}/index/{index.name}"
        self.pace.begin(Passage("Index", name, [passing], lasting, show, None, arrived))
