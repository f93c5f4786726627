"""Names files of a store by all their hashes, for ``origin verify --names``."""

import os
from collections.abc import Iterable

from origin.importing.decoder_process import Decoders
from origin.importing.rules import ImportRules
from origin.importing.sources import RefusedFileError
from takedown_base.content_names import FileNames, Hashes


class Namer:
    """Reads files to their end, and names them. Any thread may use it."""

    def __init__(self, decoders: Decoders, rules: ImportRules) -> None:
        self._decoders = decoders
        self._max_bytes = rules.max_bytes

    def name(self, parts: Iterable[bytes | bytearray | memoryview]) -> FileNames:
        """Name a file as an import would. What is no picture, or broken, or too large, has no canonical name.

        Raises what ``parts`` raises.
        """
        hashes, size = Hashes(), 0
        # Only a decoder opens pictures. The second file takes the picture without its metadata, which nobody needs.
        with (
            os.fdopen(os.memfd_create("picture"), "w+b") as file,
            os.fdopen(os.memfd_create("stripped"), "w+b") as stripped,
        ):
            for part in parts:
                hashes.update(part)
                size += len(part)
                if size <= self._max_bytes:
                    file.write(part)
            if size > self._max_bytes:
                return hashes.names()
            file.flush()
            try:
                with self._decoders.one() as decoder:
                    answer = decoder.do({"strip": True}, [file, stripped])
            except RefusedFileError:
                return hashes.names()
            return hashes.names(FileNames(*answer["names"]).canonical)
