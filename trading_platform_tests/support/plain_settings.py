"""Settings that are the documented defaults, whatever file and environment this computer has."""

from __future__ import annotations

from typing import Any

from pydantic_settings import PydanticBaseSettingsSource

from trading_platform.settings import Settings


class _OnlyGiven(Settings):
    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[Any],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def plain_settings(**sections: Any) -> Settings:
    """The defaults with some sections' values changed, for instance ``risk={"max_open_positions": 1}``."""
    return _OnlyGiven(**sections)
