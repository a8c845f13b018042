"""The command as a module: `python -m ductape`, for where its script is on no path."""

from ductape.cli.main import run

if __name__ == "__main__":
    run()
