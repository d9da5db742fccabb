"""Scans enter: the gateway, the importer, the device's outbox, the simulator."""
