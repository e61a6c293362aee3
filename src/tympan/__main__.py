"""`python -m tympan` is `tympan`."""

from tympan.cli import main

main()
