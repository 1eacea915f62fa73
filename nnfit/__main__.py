"""`nnfit`, and `python -m nnfit`: a signal is told from the first module on that is loaded."""

from __future__ import annotations

import sys


def run() -> None:
    """Load the command line, and run it; Ctrl-C and a termination end it as they do later."""
    from nnfit.cli import signals

    signals.install()
    try:
        from nnfit.cli.main import main
    except signals.Stopped as stopped:
        signals.over()
        what = "interrupted" if stopped.exit_code == 130 else "terminated"
        print(f"\nnnfit: {what}; output files are as they were", file=sys.stderr)
        sys.exit(stopped.exit_code)
    main()


if __name__ == "__main__":
    run()
