"""Benchmarks, each with its peers in the same run; `arrivals bench` prints them, `docs/benchmarks.md` keeps them."""
