"""Settings and logging: the only package that reads the environment."""

from config.settings import Settings, SettingsError, load

__all__ = ["Settings", "SettingsError", "load"]
