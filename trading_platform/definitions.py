"""The Dagster code location: everything in ``defs/``, and how runs are executed."""

import dagster as dg

from trading_platform import defs
from trading_platform.defs.resources import RESOURCES
from trading_platform.settings import current_settings

_EXECUTORS = {"in_process": dg.in_process_executor, "multiprocess": dg.multiprocess_executor}

# The executor stands here so that runs started by hand in the UI have it too.
definitions = dg.load_definitions_from_package_module(
    defs,
    resources=RESOURCES,
    executor=_EXECUTORS[current_settings().orchestration.executor],
)
