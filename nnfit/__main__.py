"""`python -m nnfit`."""

from nnfit.cli.main import main

main()
