"""One module per step, in the order of their numbers; what was applied once is never edited."""
