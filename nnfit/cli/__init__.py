"""The command line: typer and rich live only here; one file is one command."""
