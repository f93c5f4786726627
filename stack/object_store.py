"""Run a private SeaweedFS, an object store that speaks S3, on loopback."""

import json
import secrets
from pathlib import Path
from typing import Any, Self

import obstore.exceptions
import obstore.store

from origin.stores.location import Location
from stack.processes.commands import command
from stack.processes.ports import free_port
from stack.processes.server import Server
from stack.processes.waiting import wait_until

#: The bucket that each server has from its start.
BUCKET = "images"

#: Most seconds that a request of the starter or of a test may take.
_TIMEOUT = "60s"


class ObjectStoreServer(Server):
    """A SeaweedFS with one bucket, and a file of settings (``--store-settings``) with the credentials for it."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.url = f"s3://{BUCKET}/renditions"
        self.settings = directory / "settings"
        self.data = directory / "data"
        self.data.mkdir(parents=True, exist_ok=True)
        self.key, self.secret = secrets.token_hex(8), secrets.token_hex(16)
        identity = {
            "name": "origin",
            "credentials": [{"accessKey": self.key, "secretKey": self.secret}],
            "actions": ["Admin", "Read", "Write", "List"],
        }
        accounts = directory / "accounts.json"
        _write_private(accounts, json.dumps({"identities": [identity]}))
        _write_private(self.settings, self.settings_text())
        # Each of its parts has a port for HTTP and one for gRPC, which is 10,000 higher unless one is given.
        parts = ("master", "volume", "filer")
        ports = {f"{part}.{kind}": free_port() for part in parts for kind in ("port", "port.grpc")}
        grpc = free_port()
        self._all_ports = (self.port, grpc, *ports.values())
        super().__init__(
            "weed",
            directory,
            [
                *(
                    command("weed"),
                    "-logtostderr=true",
                    "server",
                    f"-dir={self.data}",
                    "-ip=127.0.0.1",
                    "-ip.bind=127.0.0.1",
                ),
                *("-s3", f"-s3.config={accounts}", f"-s3.port={self.port}", f"-s3.port.grpc={grpc}"),
                *("-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"),
                *("-filer", "-volume.max=20", "-master.volumeSizeLimitMB=64", "-master.electionTimeout=1s"),
                *(f"-{flag}={port}" for flag, port in ports.items()),
            ],
            ports=[self.port],
        )

    def settings_text(self, **changes: str) -> str:
        """Return settings in the names of obstore, one ``name=value`` a line, with changes."""
        values = {
            "endpoint": self.endpoint,
            "region": "us-east-1",
            "allow_http": "true",
            "access_key_id": self.key,
            "secret_access_key": self.secret,
        }
        return "".join(f"{name}={value}\n" for name, value in (values | changes).items())

    def origin_options(self, **changes: str) -> dict[str, str]:
        """Return the variables with which an origin uses this store as its own one, with changed settings."""
        settings = self.settings
        if changes:
            settings = self.directory / "changed-settings"
            _write_private(settings, self.settings_text(**changes))
        return {"ORIGIN_STORE": self.url, "ORIGIN_STORE_SETTINGS": str(settings)}

    def location(self) -> Location:
        """Return the place of this store, for programs that use it without a command."""
        return Location(self.url, settings=self.settings)

    def start(self) -> Self:
        """Start the server, and wait until it takes an object. The first one makes the bucket."""
        super().start()
        wait_until(self._takes_objects, "the object store takes objects")
        return self

    def stop(self, stop_signal: int | None = None, expected_returncode: int | None = None) -> Self:
        """Kill the server: asked to end, it waits half a minute for others that could take over."""
        del stop_signal, expected_returncode
        return self.kill()

    def kill(self, wait: bool = True, sig: int | None = None) -> Self:
        """Kill the server, and delete the sockets that it leaves behind."""
        super().kill(wait, sig)
        return self._swept()

    def _swept(self) -> Self:
        for port in self._all_ports:
            for socket in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                socket.unlink(missing_ok=True)
        return self

    def _takes_objects(self) -> bool:
        self.check()
        try:
            self.client().put("ready", b"ready")
        except obstore.exceptions.BaseError:
            return False
        return True

    def client(self, bucket: str = BUCKET) -> Any:
        """Connect a client of obstore to a bucket. The first object that is put makes it."""
        return obstore.store.S3Store(
            bucket,
            endpoint=self.endpoint,
            region="us-east-1",
            access_key_id=self.key,
            secret_access_key=self.secret,
            client_options={"allow_http": True, "timeout": _TIMEOUT},
            retry_config={"max_retries": 0},
        )


def _write_private(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text)
