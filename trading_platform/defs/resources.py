"""What assets, ops and sensors are given: the platform of the process that runs them."""

import dagster as dg

from trading_platform.bootstrap import Platform, platform

PlatformParam = dg.ResourceParam[Platform]


# Looked up per run, so that changed settings count from the next run on.
RESOURCES = {"platform": dg.ResourceDefinition(lambda _: platform())}
