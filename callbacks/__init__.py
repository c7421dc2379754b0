"""The doors: where the platforms knock. Nothing else is done here than check, keep and answer."""
