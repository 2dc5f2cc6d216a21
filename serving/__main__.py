"""`python -m serving` is the command `triage`."""

from serving.cli import main

if __name__ == "__main__":
    main()
