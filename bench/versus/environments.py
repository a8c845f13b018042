"""The peers' environments: one each, under `.bench/`, made once from pinned requirements.

A peer that cannot be installed stays in the report, with what the installer said last.
"""

import hashlib
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from bench.versus.roster import OURS, ROOT, Peer

INSTALL_WITHIN_S = 600


@dataclass(frozen=True)
class Absent:
    """A peer that could not be installed."""

    peer: Peer
    reason: str


def install(peer: Peer) -> Absent | None:
    """Make a peer's environment, unless its requirements are there already."""
    if peer.name == OURS:
        return None
    stamp, wanted = peer.home / "ready", _digest(peer)
    if stamp.exists() and stamp.read_text() == wanted:
        return None
    shutil.rmtree(peer.home, ignore_errors=True)
    try:
        for command in _commands(peer):
            _run(command, peer)
    except (OSError, subprocess.SubprocessError) as error:
        return Absent(peer, _last_words(error))
    stamp.write_text(wanted)
    return None


def _commands(peer: Peer) -> list[list[str]]:
    """Return what makes an environment, step by step."""
    commands: list[list[str]] = []
    if peer.requirements.exists():
        venv.create(peer.home, with_pip=True)
        pip = [str(peer.home / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        commands.append([*pip, "--disable-pip-version-check", "-r", str(peer.requirements)])
    if peer.kind == "node":
        peer.home.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(_packages(peer) / name, peer.home / name)
        commands.append(["npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"])
    return commands


def _run(command: list[str], peer: Peer) -> None:
    subprocess.run(  # noqa: S603 (pip and npm, by pinned files of this repository)
        command,
        cwd=peer.home,
        check=True,
        capture_output=True,
        text=True,
        timeout=INSTALL_WITHIN_S,
    )


def _packages(peer: Peer) -> Path:
    return ROOT / "requirements" / "peers" / peer.adapter


def _digest(peer: Peer) -> str:
    """Name what an environment was made from."""
    pins = [peer.requirements, *sorted(_packages(peer).glob("*.json"))]
    content = b"".join(pin.read_bytes() for pin in pins if pin.exists())
    return hashlib.sha256(sys.version.encode() + content).hexdigest()


def _last_words(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        lines = f"{error.stdout}\n{error.stderr}".strip().splitlines()
        return lines[-1] if lines else f"exit code {error.returncode}"
    return str(error)
