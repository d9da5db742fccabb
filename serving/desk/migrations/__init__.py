"""Numbered steps of the desk's schema, applied by `arrivals migrate`."""
