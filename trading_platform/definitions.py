"""The Dagster code location: everything in ``defs/``, and how runs are executed."""

import dagster as dg

from trading_platform import defs
from trading_platform.defs.resources import RESOURCES
from trading_platform.settings import current_settings

_EXECUTORS = {"in_process": dg.in_process_executor, "multiprocess": dg.multiprocess_executor}

# What a run does is in the event log and the UI; on the console of a worker only trouble is of interest.
_LOGGERS = {"console": dg.colored_console_logger.configured({"log_level": "WARNING"})}

# The executor stands here so that runs started by hand in the UI have it too.
definitions = dg.load_definitions_from_package_module(
    defs,
    resources=RESOURCES,
    loggers=_LOGGERS,
    executor=_EXECUTORS[current_settings().orchestration.executor],
)
