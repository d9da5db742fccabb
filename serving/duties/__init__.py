"""Duties: an arrival in the hands of one accountable unit, from "assigned to you" to "observed and released". Pure."""
