"""Certificates for servers on loopback, from an authority that lives as long as the test."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Certificates:
    """Both sides of one TLS connection."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def certificates(*names: str) -> Certificates:
    """Make contexts for a server of these names and for a client that trusts it."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return Certificates(server, client)


@dataclass(frozen=True)
class Files:
    """What a server of another process is started with, and what a client trusts."""

    chain: Path
    key: Path
    authority: Path


def certificate_files(folder: Path, *names: str) -> Files:
    """Write a certificate for a server of these names, its key, and its authority's."""
    authority = trustme.CA()
    made = authority.issue_cert(*names)
    files = Files(folder / "chain.pem", folder / "key.pem", folder / "authority.pem")
    for number, blob in enumerate(made.cert_chain_pems):
        blob.write_to_path(files.chain, append=number > 0)
    made.private_key_pem.write_to_path(files.key)
    authority.cert_pem.write_to_path(files.authority)
    for file in (files.chain, files.key, files.authority):
        file.chmod(0o644)
    return files
