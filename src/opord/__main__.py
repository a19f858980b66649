"""`python -m opord`: the command line, where no script `opord` is on the path."""

from opord.cli import main

if __name__ == "__main__":
    main()
