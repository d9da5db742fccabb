"""`python -m arrivals`: the same command without an installed script."""

from arrivals.cli import main

if __name__ == "__main__":
    main()
