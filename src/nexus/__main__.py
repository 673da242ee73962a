"""`python -m nexus`: the command line."""

from nexus.cli.main import main

if __name__ == "__main__":
    main()
