"""A pickle that somebody else has made runs nothing; one of a sandbox is read back."""

import collections
import datetime
import functools
import io
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import moto.core.utils
import moto.ec2.models.security_groups
import moto.s3.models
import pytest
from moto.utilities.tagging_service import TaggingService

from sandbox import unpickle
from sandbox.dynamodb.storage import Keys
from sandbox.dynamodb.table import SandboxTable
from sandbox.errors import SandboxError
from sandbox.pace import Pace, Passage, set_status
from sandbox.snapshot import Snapshots
from sandbox.unpickle import ForbiddenPickleError, Pickler, Unpickler, check_passages


class Call:
    """Pickles as a call of a function, with a state for what it returns."""

    def __init__(self, function: Any, *arguments: Any, state: Any = None):
        self.parts = (function, arguments, state)

    def __reduce__(self) -> Any:
        return self.parts


def dumps(what: Any) -> bytes:
    return pickle.dumps(what, protocol=5)


def loads(content: bytes) -> Any:
    return Unpickler(io.BytesIO(content)).load()


def written(what: Any) -> bytes:
    stream = io.BytesIO()
    Pickler(stream, {}).dump(what)
    return stream.getvalue()


def by_name(module: str, name: str, *arguments: Any) -> bytes:
    """Call something by a name that `pickle.dumps` would not write."""
    content = b"\x80\x04" + dumps(module)[2:-1] + dumps(name)[2:-1] + b"\x93"
    return content + dumps(arguments)[2:-1] + b"R."


MODEL = Keys("p", None, {})
FILE = "it-ran"
COMMAND = f"{sys.executable} -c \"open('{FILE}', 'w')\""
CODE = f"open('{FILE}', 'w').close()"
GETATTR_OF_A_CLASS = Call(getattr, Keys, "__init__")
ATTACKS: dict[str, Callable[[], bytes]] = {
    "os.system": lambda: by_name("os", "system", COMMAND),
    "posix.system": lambda: by_name("posix", "system", COMMAND),
    "nt.system": lambda: by_name("nt", "system", COMMAND),
    "subprocess": lambda: dumps(Call(subprocess.call, [sys.executable, "-c", CODE])),
    "Popen": lambda: dumps(Call(subprocess.Popen, [sys.executable, "-c", CODE])),
    "eval": lambda: dumps(Call(eval, CODE)),
    "exec": lambda: dumps(Call(exec, CODE)),
    "__import__": lambda: dumps(Call(__import__, "os")),
    "importlib": lambda: by_name("importlib", "import_module", "os"),
    "open": lambda: dumps(Call(open, FILE, "w")),
    "Path.write_text": lambda: dumps(Call(Path.write_text, Path(FILE), "")),
    "pickle.loads": lambda: dumps(Call(pickle.loads, dumps(Call(eval, CODE)))),
    "code object": lambda: by_name("types", "FunctionType", ()),
    "type": lambda: dumps(Call(type, "New", (), {})),
    "a dotted name through a module": lambda: by_name("moto.s3.models", "os.system", COMMAND),
    "a module that a module imports": lambda: by_name("moto.s3.models", "os"),
    "a class that a module imports": lambda: by_name("sandbox.dynamodb.table", "ClassVar"),
    "dunder": lambda: by_name("builtins", "object.__subclasses__"),
    "getattr of a class": lambda: dumps(GETATTR_OF_A_CLASS),
    "getattr of a builtin": lambda: dumps(Call(getattr, "", "format")),
    "getattr of a model, dunder": lambda: dumps(Call(getattr, MODEL, "__init__")),
    "getattr of a model, a method": lambda: dumps(Call(getattr, MODEL, "bytes_of")),
    "getattr chain": lambda: by_name("builtins", "getattr", Call(getattr, MODEL, "keys"), "x"),
    "setattr of another attribute": lambda: dumps(Call(setattr, MODEL, "partition", "x")),
    "setattr on a class": lambda: dumps(Call(setattr, Keys, "status", "x")),
    "a function of moto": lambda: dumps(Call(moto.core.utils.camelcase_to_underscores, "aB")),
    "a class of moto is called": lambda: dumps(Call(TaggingService)),
    "a class of ours is called": lambda: dumps(Call(Keys, "p", None, {})),
    "a method of moto": lambda: dumps(Call(getattr, TaggingService(), "list_tags_for_resource")),
    "partial of a function": lambda: dumps(functools.partial(exec, CODE)),
    "partial of a class": lambda: dumps(functools.partial(TaggingService)),
    "partial of partial": lambda: by_name(
        "functools", "partial", functools.partial(set_status, MODEL)
    ),
    "partial whose state is another": lambda: dumps(
        Call(functools.partial, set_status, state=(TaggingService, (), {}, None))
    ),
    "defaultdict of a class": lambda: dumps(collections.defaultdict(TaggingService)),
    "a function of the program itself": lambda: dumps(Call(_nothing)),
    "a special attribute": lambda: dumps(_with(TaggingService(), __setstate__=list)),
    "sorted by a function": lambda: dumps(Call(_sorted_key_list(), [1], print)),
    "metaclass": lambda: by_name("moto.core.base_backend", "InstanceTrackerMeta", "X", (), {}),
    "exception": lambda: dumps(Call(moto.s3.models.MissingBucket, "x")),
    "protocol 0, INST": lambda: b"(S'" + COMMAND.encode() + b"'\nios\nsystem\n.",
    "protocol 0, GLOBAL": lambda: b"cos\nsystem\n(S'true'\ntR.",
    "protocol 1, OBJ": lambda: b"(cos\nsystem\nS'true'\no.",
    "extension registry": lambda: b"\x80\x02\x82\x01.",
    "append of something else": lambda: (
        b"\x80\x04" + dumps(_with(TaggingService(), append=list))[2:-1] + b"K\x01a."
    ),
}  # fmt: skip


def _nothing() -> None:
    """Not allowed."""


def _with(model: Any, **attributes: Any) -> Any:
    vars(model).update(attributes)
    return model


def _sorted_key_list() -> Any:
    from sortedcontainers import SortedList

    return SortedList


@pytest.mark.parametrize("attack", ATTACKS)
def test_it_is_refused_and_nothing_runs(attack: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    content = ATTACKS[attack]()
    with pytest.raises(ForbiddenPickleError):
        loads(content)
    assert not list(tmp_path.iterdir())


def test_building_on_a_class_is_refused() -> None:
    # (None, {"of": ...}) would be set on the class itself.
    content = b"\x80\x04" + dumps(SandboxTable)[2:-1] + dumps((None, {"describe": 1}))[2:-1] + b"b."
    with pytest.raises(ForbiddenPickleError, match="changes a class"):
        loads(content)
    assert callable(SandboxTable.describe)


@pytest.mark.parametrize("attribute", ["show", "arrived"])
@pytest.mark.parametrize("function", [TaggingService, list.append, str, [].clear])
def test_a_passage_calls_only_what_is_marked(attribute: str, function: Any) -> None:
    passage = Passage("Table", "t", ["CREATING"], "ACTIVE", functools.partial(set_status, MODEL))
    setattr(passage, attribute, function)
    with pytest.raises(ForbiddenPickleError):
        check_passages([passage])


def test_the_message_says_what_to_type_and_nothing_was_run(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for content in (
        ATTACKS["eval"](),
        dumps({"moto": "5"}) + ATTACKS["eval"](),
        dumps({"moto": Call(eval, CODE)}),
    ):
        with pytest.raises(SandboxError, match=r"not opened.*Nothing in it was run.*--home FOLDER"):
            Snapshots(Pace("instant")).put_back(b"", content)
        with pytest.raises(SandboxError, match=r"not opened.*Nothing in it was run"):
            Snapshots(Pace("instant")).put_back(content, b"")
    assert not list(tmp_path.iterdir())


def test_what_could_not_be_read_back_is_not_written() -> None:
    for what in (print, eval, Path, functools.partial(print), subprocess, _nothing, "".join):
        with pytest.raises((pickle.PickleError, TypeError)):
            written(what)


def test_what_an_account_holds_is_read_back() -> None:
    rule = moto.ec2.models.security_groups.SecurityGroup.__new__(
        moto.ec2.models.security_groups.SecurityGroup
    )
    vars(rule).update(name="web", filters={}, id="sg-1")
    rule.filters["group-id"] = rule.filter_group_id
    keys = Keys("p", "s", {"p": "S"})
    kept = {
        "rule": rule,
        "keys": keys,
        "show": functools.partial(set_status, keys),
        "defaults": [collections.defaultdict(dict, a={}), collections.defaultdict(list)],
        "time": datetime.datetime(2026, 11, 25, tzinfo=datetime.UTC),
        "plain": [1, 1.5, True, None, b"x", "x", (1, 2), {1}, frozenset({2}), {"a": {"b": []}}],
        "queue": collections.deque([1]),
    }
    found = loads(written(kept))
    assert found["rule"].filters["group-id"](["sg-1"]) is True
    assert found["rule"].filters["group-id"].__self__ is found["rule"]
    assert found["keys"] == keys
    assert found["show"].func is set_status and found["show"].args == (found["keys"],)
    for name in ("defaults", "time", "plain", "queue"):
        assert found[name] == kept[name]


def test_the_first_release_had_a_status_set_by_setattr() -> None:
    table = TaggingService()
    show = loads(dumps(functools.partial(setattr, table, "status")))
    show("ACTIVE")
    assert show.args[0].status == "ACTIVE"
    with pytest.raises(ForbiddenPickleError):
        loads(dumps(functools.partial(setattr, table, "tags")))("x")


def test_a_class_that_has_moved_is_found(monkeypatch: Any) -> None:
    old = written(Keys("p", None, {})).replace(b"sandbox.dynamodb", b"sandbox.database")
    with pytest.raises(ForbiddenPickleError):
        loads(old)
    monkeypatch.setitem(unpickle.RENAMED_MODULES, "sandbox.database", "sandbox.dynamodb")
    assert loads(old) == Keys("p", None, {})
    older = old.replace(b"\x04Keys", b"\x04Kind")
    monkeypatch.setitem(
        unpickle.RENAMED,
        ("sandbox.dynamodb.storage", "Kind"),
        ("sandbox.dynamodb.storage", "Keys"),
    )
    assert loads(older) == Keys("p", None, {})
