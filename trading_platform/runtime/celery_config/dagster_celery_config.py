"""Found by dagster-celery's worker under this name, on the path that the worker is started with."""

from trading_platform.runtime.celery_settings import celery_settings

globals().update(celery_settings())
