"""Reads and writes a pickle of an account, and runs none of what somebody else put into it.

A pickle is a program: it names callables and calls them. The account needs few: model classes are
made without calling them, and of functions it holds only those that are marked `picklable` or are
listed here. https://docs.python.org/3/library/pickle.html#restricting-globals

The names in a pickle outlive a change of the code: where a module or a class has moved,
`RENAMED_MODULES` and `RENAMED` say where it is now.
"""

import collections
import datetime
import decimal
import functools
import importlib
import inspect
import io
import ipaddress
import pickle
import re
import types
import uuid
from collections.abc import Callable, Mapping, Sequence
from enum import EnumMeta
from typing import Any, ClassVar

from moto.backends import get_backend
from moto.core.base_backend import BaseBackend
from moto.core.common_models import BaseModel
from sortedcontainers import SortedDict, SortedList, SortedSet

from sandbox.pace import Passage, is_picklable

# Old module or package -> new one. A longer name wins over a shorter one.
RENAMED_MODULES: dict[str, str] = {}
# Old (module, name) -> new one, after `RENAMED_MODULES`.
RENAMED: dict[tuple[str, str], tuple[str, str]] = {
    # The first release kept `partial(setattr, model, "status")`.
    ("builtins", "setattr"): (__name__, "_set_status"),
    ("builtins", "getattr"): (__name__, "_method"),
}

# Whose classes an account is made of.
MODEL_MODULES = (
    "moto",
    "sandbox.aurora",
    "sandbox.aws",
    "sandbox.dynamodb",
    "sandbox.ec2",
    "sandbox.pace",
    "sandbox.secretsmanager",
)
# Types of which a pickle may make a value by calling them; none does anything else.
VALUES: tuple[type, ...] = (
    *(bool, bytearray, bytes, complex, dict, float, frozenset, int, list, object, range),
    *(set, slice, str, tuple, types.SimpleNamespace, uuid.UUID, decimal.Decimal),
    *(collections.Counter, collections.OrderedDict, collections.deque),
    *(datetime.date, datetime.datetime, datetime.time, datetime.timedelta, datetime.timezone),
    *(ipaddress.IPv4Address, ipaddress.IPv4Interface, ipaddress.IPv4Network),
    *(ipaddress.IPv6Address, ipaddress.IPv6Interface, ipaddress.IPv6Network),
)
# Types that take a function too: of which kind, `_check_call` says.
WITH_A_FUNCTION = (collections.defaultdict, functools.partial, SortedDict, SortedList, SortedSet)
FACTORIES = (None, bool, dict, float, int, list, set, str, *VALUES)
# How CPython has `re.compile` pickled.
COMPILE: Any = re._compile  # type: ignore[attr-defined]

_PythonUnpickler: Any = pickle._Unpickler
# What a pickle has by its name.
_NAMED = (type, types.FunctionType, types.BuiltinFunctionType)


class ForbiddenPickleError(pickle.UnpicklingError):
    """A pickle refers to something that no account holds."""


class Pickler(pickle.Pickler):
    """Pickles an account: only what `Unpickler` reads back.

    Args:
        stream: where to write.
        left_out: backends by `id()`, to be referred to by their names instead.
        models: gets the models that are pickled, in the order in which they are met.
        known: models by `id()`, to be referred to by their numbers instead.
    """

    def __init__(
        self,
        stream: io.BytesIO,
        left_out: Mapping[int, tuple[str, str, str]],
        models: list[Any] | None = None,
        known: Mapping[int, int] | None = None,
    ):
        super().__init__(stream, protocol=5)
        self._left_out, self._models, self._known = left_out, models, known or {}
        self._met: set[int] = set()

    def persistent_id(self, obj: Any) -> tuple[str, str, str] | int | None:
        """Return (service, account, region) of a backend, or a model's number, if left out."""
        if isinstance(obj, BaseBackend):
            return self._left_out.get(id(obj))
        if isinstance(obj, BaseModel):
            if self._models is not None and id(obj) not in self._met:
                self._met.add(id(obj))
                self._models.append(obj)
            return self._known.get(id(obj))
        return None

    def reducer_override(self, obj: Any) -> Any:
        """Refuse what could not be read back; the rest is pickled as usual."""
        if isinstance(obj, types.MethodType):
            _check_method(obj.__self__, obj.__name__)
        elif isinstance(obj, _NAMED) and obj is not getattr and not _is_allowed(obj):
            raise pickle.PicklingError(f"{obj!r} is not allowed in an account")
        return NotImplemented


# The Python implementation, since only it can be asked before each call. For an account of 50 KB it
# takes 30 ms longer than the one in C.
class Unpickler(_PythonUnpickler):
    """Unpickles an account.

    Args:
        stream: where to read.
        models: what the numbers of models refer to.

    Raises:
        ForbiddenPickleError: from `load`, for a global or a call that is not allowed; it was not
            imported and not called.
    """

    def __init__(self, stream: io.BytesIO, models: Sequence[Any] = ()):
        super().__init__(stream)
        self._models = models

    def find_class(self, module: str, name: str) -> Any:
        """Return an allowed class or function by the name that it has now."""
        where, now = renamed(module, name)
        if not _is_known_module(where):
            raise ForbiddenPickleError(f"it refers to {module}.{name}")
        found = importlib.import_module(where)
        try:
            for part in now.split("."):
                found = inspect.getattr_static(found, part)
        except AttributeError as error:
            raise pickle.UnpicklingError(f"{where} has no {now}") from error
        if not _is_allowed(found):
            raise ForbiddenPickleError(f"it refers to {module}.{name}")
        return found

    def persistent_load(self, pid: Any) -> Any:
        """Return a backend or a model that was left out."""
        if isinstance(pid, int):
            return self._models[pid]
        service, account, region = map(str, pid)
        return get_backend(service)[account][region]  # type: ignore[call-overload]

    def _load_reduce(self) -> None:
        function, arguments = self.stack[-2:]
        _check_call(function, arguments)
        super().load_reduce()

    def _load_new(self) -> None:
        _check_instantiated(self.stack[-2])
        super().load_newobj()

    def _load_new_with_names(self) -> None:
        _check_instantiated(self.stack[-3])
        super().load_newobj_ex()

    def _load_build(self) -> None:
        _check_state(*self.stack[-2:])
        super().load_build()

    def _load_append(self) -> None:
        _check_container(self.stack[-2], (list, collections.deque))
        super().load_append()

    def _load_appends(self) -> None:
        _check_container(self.metastack[-1][-1], (list, collections.deque))
        super().load_appends()

    def _load_additems(self) -> None:
        _check_container(self.metastack[-1][-1], (set,))
        super().load_additems()

    def _load_setitem(self) -> None:
        _check_container(self.stack[-3], (dict,))
        super().load_setitem()

    def _load_setitems(self) -> None:
        _check_container(self.metastack[-1][-1], (dict,))
        super().load_setitems()

    def _refuse(self) -> None:
        raise ForbiddenPickleError("it has an instruction that no account has")

    dispatch: ClassVar[dict[int, Any]] = {
        **_PythonUnpickler.dispatch,
        pickle.REDUCE[0]: _load_reduce,
        pickle.NEWOBJ[0]: _load_new,
        pickle.NEWOBJ_EX[0]: _load_new_with_names,
        pickle.BUILD[0]: _load_build,
        pickle.APPEND[0]: _load_append,
        pickle.APPENDS[0]: _load_appends,
        pickle.ADDITEMS[0]: _load_additems,
        pickle.SETITEM[0]: _load_setitem,
        pickle.SETITEMS[0]: _load_setitems,
        # Protocols 0 and 1, and copyreg's extensions: ours is 5.
        pickle.INST[0]: _refuse,
        pickle.OBJ[0]: _refuse,
        pickle.EXT1[0]: _refuse,
        pickle.EXT2[0]: _refuse,
        pickle.EXT4[0]: _refuse,
    }


def renamed(module: str, name: str) -> tuple[str, str]:
    """Return where a class or function is now that a pickle knows by an old name."""
    for old in sorted(RENAMED_MODULES, key=len, reverse=True):
        if module == old or module.startswith(f"{old}."):
            module = RENAMED_MODULES[old] + module[len(old) :]
            break
    return RENAMED.get((module, name), (module, name))


def check_passages(passages: list[Passage]) -> None:
    """Refuse passages that would call something else than a `picklable` function when they end.

    Raises:
        ForbiddenPickleError: it was not called.
    """
    for passage in passages:
        if not isinstance(passage, Passage):
            raise ForbiddenPickleError(f"it has a {type(passage).__name__} among its transitions")
        for function in (passage.show, passage.arrived, passage.failed):
            # A partial was checked when it was made.
            if function is not None and not isinstance(function, functools.partial):
                _check_called_later(function)


def _is_known_module(module: str) -> bool:
    return (
        _is_model_module(module)
        or module in (__name__, "re")
        or any(module == kind.__module__ for kind in (*VALUES, *WITH_A_FUNCTION))
    )


def _is_model_module(module: str) -> bool:
    return any(module == known or module.startswith(f"{known}.") for known in MODEL_MODULES)


def _is_allowed(found: Any) -> bool:
    if found in (COMPILE, _method, _set_status):
        return True
    if isinstance(found, type):
        if issubclass(found, type | BaseException):
            return False
        return found in VALUES or found in WITH_A_FUNCTION or _is_model_module(found.__module__)
    return isinstance(found, types.FunctionType) and is_picklable(found)


def _check_instantiated(kind: Any) -> None:
    if not isinstance(kind, type):
        raise ForbiddenPickleError("it makes an instance of something that is not a class")
    if issubclass(kind, WITH_A_FUNCTION):
        raise ForbiddenPickleError(f"it makes a {kind.__name__} in an unusual way")


def _check_call(function: Any, arguments: Any) -> None:
    if function in (COMPILE, _method, _set_status) or function in VALUES:
        return
    if function is functools.partial and len(arguments) == 1:
        _check_called_later(arguments[0])
    elif function is collections.defaultdict and arguments[:1] != ():
        if arguments[0] not in FACTORIES:
            raise ForbiddenPickleError("it has a default that an account does not have")
    elif function in (SortedDict, SortedList, SortedSet):
        if any(callable(each) for each in arguments):
            raise ForbiddenPickleError("it sorts by a function")
    elif not (
        function is collections.defaultdict
        or (isinstance(function, EnumMeta) and len(arguments) == 1)
        or (isinstance(function, type) and issubclass(function, dict | list | set))
    ):
        raise ForbiddenPickleError(f"it calls {getattr(function, '__qualname__', function)}")


def _check_state(made: Any, state: Any) -> None:
    if isinstance(made, functools.partial):
        _check_called_later(state[0])
        return
    if isinstance(made, type | types.FunctionType | types.MethodType | types.ModuleType):
        raise ForbiddenPickleError("it changes a class or a function")
    # Python would call an attribute of such a name.
    parts = state if isinstance(state, tuple) else (state,)
    names = [name for part in parts if isinstance(part, dict) for name in part]
    if any(str(name).startswith("__") for name in names):
        raise ForbiddenPickleError("it sets a special attribute")


def _check_container(made: Any, kinds: tuple[type, ...]) -> None:
    if not isinstance(made, kinds):
        raise ForbiddenPickleError(f"it fills a {type(made).__name__}")


def _check_called_later(function: Any) -> None:
    if function is _set_status:
        return
    if isinstance(function, types.MethodType):
        function = function.__func__
    if not (isinstance(function, types.FunctionType) and is_picklable(function)):
        raise ForbiddenPickleError(
            f"it would call {getattr(function, '__qualname__', function)} later"
        )


def _check_method(owner: Any, name: str) -> Callable:
    """Return a method's function, without running any code of its owner."""
    function = inspect.getattr_static(type(owner), name, None)
    is_filter = type(owner).__module__.startswith("moto.") and name.startswith("filter_")
    if not (
        isinstance(function, types.FunctionType)
        and _is_model_module(type(owner).__module__)
        and (is_filter or is_picklable(function))
    ):
        raise ForbiddenPickleError(f"it refers to {type(owner).__qualname__}.{name}")
    return function


def _method(owner: Any, name: str) -> types.MethodType:
    """Return a bound method, as `getattr` would."""
    return types.MethodType(_check_method(owner, name), owner)


def _set_status(model: Any, name: str, value: str) -> None:
    """Set a model's status, as `setattr` would."""
    if name != "status" or not isinstance(value, str):
        raise ForbiddenPickleError(f"it sets the attribute {name}")
    if not _is_model_module(type(model).__module__):
        raise ForbiddenPickleError(f"it changes a {type(model).__name__}")
    model.status = value
