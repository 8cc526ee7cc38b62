"""Read botocore's data files once in this process, and in a third of the time.

Each botocore session reads the service models and the list of endpoints again: 0.1 s for EC2's
model, 0.07 s for the endpoints. The sandbox has several sessions (moto makes one for each question
about regions), and keeps what the first of them has read.
"""

import json
from functools import cache
from typing import Any

from botocore import loaders


class SharedFileLoader(loaders.JSONFileLoader):
    """botocore's loader with one cache for all sessions.

    It gives plain dictionaries: they keep their order too, and take a third of the time of
    botocore's `OrderedDict`.
    """

    def load_file(self, file_path: str) -> Any:
        """The content of a data file, named without its extension; None if there is no such file.

        The sessions share it: do not change it.
        """
        return _read(file_path)


def install() -> None:
    """Make all botocore sessions from now on share what they read."""
    loaders.Loader.FILE_LOADER_CLASS = SharedFileLoader


@cache
def _read(file_path: str) -> Any:
    for extension, opened in loaders._JSON_OPEN_METHODS.items():
        try:
            with opened(file_path + extension, "rb") as file:
                return json.loads(file.read())
        except FileNotFoundError:
            continue
    return None
