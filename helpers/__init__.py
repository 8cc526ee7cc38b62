"""What a page of the course imports: connect, tunnel, wait, tabulate, draw, check.

None of it hides the AWS call that a page teaches: that one stands in the page's own cells.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helpers.bastion import host_keys as host_keys
    from helpers.certificates import rds_certificates as rds_certificates
    from helpers.charts import bar_chart as bar_chart
    from helpers.checks import check as check
    from helpers.checks import verdict as verdict
    from helpers.choice import choose_target as choose_target
    from helpers.choice import target as target
    from helpers.cleanup import clean_up as clean_up
    from helpers.cleanup import everything as everything
    from helpers.cleanup import prove_clean as prove_clean
    from helpers.console import dynamodb_console as dynamodb_console
    from helpers.costs import running_costs as running_costs
    from helpers.course import course_progress as course_progress
    from helpers.database import engine as engine
    from helpers.diagnosis import doctor as doctor
    from helpers.drawing import network_map as network_map
    from helpers.environment import check_environment as check_environment
    from helpers.errors import CourseError as CourseError
    from helpers.existing import COURSE as COURSE
    from helpers.existing import find as find
    from helpers.existing import keep_existing as keep_existing
    from helpers.existing import tagged as tagged
    from helpers.faults import draw_fault as draw_fault
    from helpers.faults import repair_fault as repair_fault
    from helpers.faults import settings as settings
    from helpers.faults import settings_file as settings_file
    from helpers.items import items_table as items_table
    from helpers.items import partitions_chart as partitions_chart
    from helpers.keys import key_file as key_file
    from helpers.keys import password as password
    from helpers.lab3_resources import leftovers as leftovers
    from helpers.network import can_reach as can_reach
    from helpers.network import describe_account as describe_account
    from helpers.pages import catch_up as catch_up
    from helpers.price_list import capacity_cost as capacity_cost
    from helpers.price_list import price as price
    from helpers.progress import wait_for as wait_for
    from helpers.resources import inventory as inventory
    from helpers.running import stop_everything as stop_everything
    from helpers.session import connect as connect
    from helpers.session import my_address as my_address
    from helpers.session import ssh_address as ssh_address
    from helpers.ssh_tunnel import tunnel as tunnel
    from helpers.tables import facts as facts
    from helpers.tables import table as table
    from helpers.workbench import connection_form as connection_form
    from helpers.working import Working as Working
    from helpers.working import watch as watch

# Where each public name lives. A module is imported when one of its names is asked for: so
# `sandbox`, which needs `helpers.network` alone, does not wait for pandas. No module has the name
# of what it exports, since Python would put the module in its place.
PUBLIC = {
    "COURSE": "existing",
    "CourseError": "errors",
    "Working": "working",
    "bar_chart": "charts",
    "can_reach": "network",
    "capacity_cost": "price_list",
    "catch_up": "pages",
    "check": "checks",
    "check_environment": "environment",
    "choose_target": "choice",
    "clean_up": "cleanup",
    "connect": "session",
    "connection_form": "workbench",
    "course_progress": "course",
    "describe_account": "network",
    "doctor": "diagnosis",
    "draw_fault": "faults",
    "dynamodb_console": "console",
    "engine": "database",
    "everything": "cleanup",
    "facts": "tables",
    "find": "existing",
    "host_keys": "bastion",
    "inventory": "resources",
    "items_table": "items",
    "keep_existing": "existing",
    "key_file": "keys",
    "leftovers": "lab3_resources",
    "my_address": "session",
    "network_map": "drawing",
    "partitions_chart": "items",
    "password": "keys",  # pragma: allowlist secret
    "price": "price_list",
    "prove_clean": "cleanup",
    "rds_certificates": "certificates",
    "repair_fault": "faults",
    "running_costs": "costs",
    "settings": "faults",
    "settings_file": "faults",
    "ssh_address": "session",
    "stop_everything": "running",
    "table": "tables",
    "tagged": "existing",
    "target": "choice",
    "tunnel": "ssh_tunnel",
    "verdict": "checks",
    "wait_for": "progress",
    "watch": "working",
}

__all__ = list(PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        raise AttributeError(f"module 'helpers' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"helpers.{PUBLIC[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(PUBLIC)
