"""Make certificates for tests, and the authority that signs them, as files."""

from pathlib import Path
from typing import NamedTuple

import trustme


class Pair(NamedTuple):
    """A certificate and its key, as files."""

    certificate: Path
    key: Path

    def pem(self, file: Path) -> Path:
        """Write both into one file, as hitch wants them."""
        file.write_bytes(self.certificate.read_bytes() + self.key.read_bytes())
        file.chmod(0o600)
        return file


class Authority:
    """A certificate authority. ``file`` holds its own certificate, for those who trust it."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._name = name
        self._ca = trustme.CA()
        self.file = directory / f"{name}.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def sign(self, *hosts: str) -> Pair:
        """Make a certificate for these host names and addresses."""
        made = self._ca.issue_cert(*hosts)
        stem = f"{self._name}-{hosts[0]}"
        pair = Pair(self._directory / f"{stem}.crt", self._directory / f"{stem}.key")
        made.cert_chain_pems[0].write_to_path(str(pair.certificate))
        made.private_key_pem.write_to_path(str(pair.key))
        return pair
