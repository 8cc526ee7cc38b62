"""The door before each database server: TLS with the endpoint's names, and IAM's tokens.

What a bastion forwards to a database endpoint goes through here. `doors` opens and closes them,
`visit` is one connection, `line` one side of it; `packets`, `statements`, `tokens` and `iam_users`
know the details.
"""

from sandbox.databasedoor.doors import DatabaseDoors as DatabaseDoors
from sandbox.databasedoor.endpoint import Endpoint as Endpoint
from sandbox.databasedoor.endpoint import endpoint_of as endpoint_of
