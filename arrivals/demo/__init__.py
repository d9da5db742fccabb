"""The demonstration: the whole system on one machine, and a sample day played through it."""
