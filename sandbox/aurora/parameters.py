"""The parameters of Aurora MySQL: which there are, what they may be, how AWS lists them.

`parameters.csv` has a row for each; a file to open and to read. Its columns are those of AWS's
listing, and `here`: empty where the real servers are told, "kept" where the value is only
remembered.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.rds.exceptions import InvalidParameterCombination, InvalidParameterValue

from sandbox.digits import decimal_number, whole_number

MOST_AT_ONCE = 20


@dataclass(frozen=True)
class Parameter:
    """One parameter, as its engine has it.

    Attributes:
        level: "cluster" for those that are one for all instances, else "instance".
        apply_type: "dynamic", or "static" for those that wait for a reboot.
        allowed_values: a range or a list; "" for anything.
        value: what RDS gives it from the beginning; "" for the engine's own default.
        here: how the sandbox honours it, see above.
    """

    name: str
    level: str
    apply_type: str
    data_type: str
    allowed_values: str
    modifiable: bool
    value: str
    here: str
    description: str


def _read() -> dict[str, Parameter]:
    with (Path(__file__).parent / "parameters.csv").open(encoding="utf-8", newline="") as file:
        rows = [{**row, "modifiable": row["modifiable"] == "yes"} for row in csv.DictReader(file)]
    return {str(row["name"]): Parameter(**row) for row in rows}  # type: ignore[arg-type]


PARAMETERS = _read()


def known(level: str) -> dict[str, Parameter]:
    """The parameters of a kind of group: a cluster's has those of instances too.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_WorkingWithDBClusterParamGroups.html
    """
    if level == "cluster":
        return PARAMETERS
    return {name: each for name, each in PARAMETERS.items() if each.level == level}


def check_change(level: str, change: Mapping[str, Any]) -> None:
    """Let one change of a parameter group pass.

    Raises:
        InvalidParameterValue: the parameter is unknown or not to be changed, or the value wrong.
        InvalidParameterCombination: a static parameter cannot change at once.
    """
    for field in ("ParameterName", "ParameterValue", "ApplyMethod"):
        if not change.get(field):
            raise InvalidParameterValue(
                f"The parameter {field} must be provided and must not be blank."
            )
    parameter = find(level, change["ParameterName"])
    check_method(parameter, change["ApplyMethod"])
    if not _is_allowed(parameter, change["ParameterValue"]):
        raise InvalidParameterValue(
            f"Invalid parameter value: {change['ParameterValue']} for: {parameter.name} "
            f"allowed values are: {parameter.allowed_values}"
        )


def find(level: str, name: str) -> Parameter:
    """A parameter that may be changed, by its name.

    Raises:
        InvalidParameterValue: there is none.
    """
    parameter = known(level).get(name)
    if parameter is None:
        raise InvalidParameterValue(f"Could not find parameter with name: {name}")
    if not parameter.modifiable:
        raise InvalidParameterValue(f"The parameter {name} cannot be modified.")
    return parameter


def check_method(parameter: Parameter, method: str) -> None:
    """Let a way to apply a change pass."""
    if method not in ("immediate", "pending-reboot"):
        raise InvalidParameterValue(f"Invalid apply method: {method}")
    if method == "immediate" and parameter.apply_type == "static":
        raise InvalidParameterCombination("cannot use immediate apply method for static parameter")


def listing(level: str, changes: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """All parameters of a group as the describe calls have them, by name.

    Args:
        level: of the group, "cluster" or "instance".
        changes: what the customer has set, by name, with ParameterValue and ApplyMethod.
    """
    # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_Parameter.html
    listed = []
    for name, parameter in sorted(known(level).items()):
        change = changes.get(name, {})
        value = change.get("ParameterValue") or parameter.value
        entry = {
            "ParameterName": name,
            "ParameterValue": value or None,
            "Description": parameter.description,
            "Source": "user" if change else "system" if value else "engine-default",
            "ApplyType": parameter.apply_type,
            "DataType": parameter.data_type,
            "AllowedValues": parameter.allowed_values or None,
            "IsModifiable": parameter.modifiable,
            "ApplyMethod": change.get("ApplyMethod", "pending-reboot"),
            "SupportedEngineModes": ["provisioned"] if level == "cluster" else None,
        }
        listed.append({key: value for key, value in entry.items() if value is not None})
    return listed


def for_servers(values: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """What of these values the real servers are told: at their start, and while they run.

    A formula such as {DBInstanceClassMemory*3/4} is not: the servers here have no such class.
    """
    told = {
        name: value
        for name, value in values.items()
        if not PARAMETERS[name].here and "{" not in value
    }
    static = {name for name in told if PARAMETERS[name].apply_type == "static"}
    return (
        {name: told[name] for name in told if name in static},
        {name: told[name] for name in told if name not in static},
    )


def _is_allowed(parameter: Parameter, value: str) -> bool:
    allowed = parameter.allowed_values
    if not allowed:
        return True
    if parameter.data_type in ("integer", "float"):
        if "{" in value:  # AWS computes it from the instance class
            return True
        try:
            number = (whole_number if parameter.data_type == "integer" else decimal_number)(value)
        except ValueError:
            return False
        low, is_range, high = allowed.partition("-")
        if is_range:
            return int(low) <= number <= int(high)
        return str(number) in allowed.split(",")
    values = value.split(",") if parameter.data_type == "list" else [value]
    return set(values) <= set(allowed.split(","))
