"""Destroys the bytes of an image that is banned by its content, on record (``origin erase``).

Each step is written to the table ``erasures`` as soon as it is done. An erasure that was killed in the middle is
completed by the next one: rows of images and renditions stay, so it finds the same files again.
"""

import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from mysql.connector.abstracts import MySQLCursorAbstract

from origin.model import ByteRange, FilePart
from origin.row_checks import require_well_formed_rendition
from origin.stores.contract import DamagedFileError
from origin.stores.store import Store
from takedown_base.content_names import kind_of_name
from takedown_base.printable import printable
from takedown_db.connection.lasting_connection import fetch
from takedown_db.statements import statement

#: Characters of `erasures.detail`.
_LONGEST_DETAIL = 255

#: The tree may not be mounted, or be another one: its files must not count as destroyed.
_NOT_FOUND = "is not in the store, and no erasure has destroyed it: is it the right store?"


class RefusedErasureError(Exception):
    """Nothing is erased, or no more. The message says why and what to do."""


class File(NamedTuple):
    """A row of the statement ``files_of_digest``, its columns in their order."""

    digest: str
    path: str | None
    shared_by: str | None  # an image that is not banned by its content and has this file, too
    named: int  # a row of renditions names this very place

    def __str__(self) -> str:
        return self.digest if self.path is None else self.path


@dataclass(frozen=True, slots=True)
class ErasurePlan:
    """An erasure to be carried out: the banned original, its ban, the number of its images, and their files."""

    original: str
    ban: int
    images: int
    files: tuple[File, ...]


@dataclass(slots=True)
class ErasureResult:
    """The result of an erasure. ``absent`` files were erased before; ``kept`` ones are another's, or not found."""

    erased: list[File] = field(default_factory=list)
    absent: list[File] = field(default_factory=list)
    kept: list[File] = field(default_factory=list)


class ErasureRun:
    """One run of ``origin erase``, by the account takedown_erase. Raises ``mysql.connector.Error``."""

    def __init__(self, cursor: MySQLCursorAbstract, store: Store) -> None:
        self._cursor = cursor
        self._store = store

    def original_of(self, code: str) -> str:
        """Read the digest of an image's original. Raises ``RefusedErasureError`` where there is no such image."""
        rows = fetch(self._cursor, "original_of", code=code)
        if not rows:
            raise RefusedErasureError(f"no image has the code {code}, or it has no original")
        return str(rows[0][0])

    def originals_named(self, name: str) -> list[str]:
        """Read the digests of the originals whose content has a name of 64 hex digits (``padded_name``).

        A SHA-256 is among them, too, as the store may have the original of an image that was replaced.
        """
        found = [str(digest) for (digest,) in fetch(self._cursor, "originals_named", name=name)]
        return found if name in found or (found and kind_of_name(name) != "SHA-256") else [*found, name]

    def plan(self, digest: str, code: str | None = None) -> ErasurePlan:
        """Find out what an erasure of an original destroys. ``code`` names it in messages.

        Raises ``RefusedErasureError`` where no open ban by digest names it, ``MalformedRecordError``.
        """
        ban = self._ban(digest, code)
        files = tuple(File(*row) for row in fetch(self._cursor, "files_of_digest", digest=digest))
        for file in files:
            require_well_formed_rendition(code or digest, file.digest, None, file.path)
        ((images,),) = fetch(self._cursor, "images_of_digest", digest=digest)
        return ErasurePlan(digest, ban, int(images), files)

    def carry_out(self, plan: ErasurePlan, report: Callable[[str], object]) -> ErasureResult:
        """Destroy the files of a plan and record each, calling ``report`` with a line about it.

        Reads the plan's files again first, since minutes may have passed until somebody agreed to it. Looks before each
        file whether the ban is still open. Raises ``RefusedErasureError`` where it was lifted or a file cannot be
        compared, ``StoreAwayError`` and ``OSError``: what was erased before is on record, and another run goes on from
        there.
        """
        result = ErasureResult()
        plan = replace(self.plan(plan.original), ban=plan.ban)
        ((interrupted,),) = fetch(self._cursor, "erasure_interrupted", digest=plan.original)
        self._record(plan, "begin", detail=f"{plan.images} images, {len(plan.files)} files")
        for file in plan.files:
            if self._ban(plan.original) != plan.ban:
                raise RefusedErasureError(f"ban {plan.ban} was lifted meanwhile: nothing more is erased")
            if reason := self._reason_to_keep(file):
                self._record(plan, "kept", file, reason)
                result.kept.append(file)
                report(f"kept {printable(file)}: {printable(reason)}")
                continue
            if file.shared_by is not None:  # a shared file that is not there is not worth a record
                continue
            was_there = self._store.erase(file.digest, file.path)
            if self._store.size(_whole(file)) is not None:
                raise OSError(
                    f"{file} is still in the store although it was deleted: does another program write there?"
                )
            if was_there:
                self._record(plan, "erased", file)
                result.erased.append(file)
                report(f"erased {printable(file)}")
            elif file.named and self._on_record(file):
                result.absent.append(file)
            elif file.named and interrupted:
                # A run that is cut off has deleted at most one file that it could not record.
                interrupted = False
                self._record(plan, "erased", file, "was not there any more")
                result.absent.append(file)
            elif file.named:
                self._record(plan, "kept", file, _NOT_FOUND)
                result.kept.append(file)
                report(f"not erased: {printable(file)} {_NOT_FOUND}")
        self._record(plan, "done", detail=f"{len(result.erased)} erased, {len(result.kept)} not")
        return result

    def _reason_to_keep(self, file: File) -> str:
        """Say why a file that is there has to stay; empty: it is to be erased, or not there.

        Raises ``RefusedErasureError`` where it cannot be compared.
        """
        size = self._store.size(_whole(file))
        if size is None:
            return ""
        if shared_by := self._shared_by(file):
            return f"image {shared_by}, which is not banned by content, shares it"
        if file.path is not None and self._digest_in_place(file, size) != file.digest:
            return "the site has put other bytes there since the import"
        return ""

    def _shared_by(self, file: File) -> str | None:
        """Read which image shares a file now. One in place has its own path, and is not asked for again."""
        if file.path is not None:
            return file.shared_by
        ((code,),) = fetch(self._cursor, "image_sharing_file", digest=file.digest)
        return code if code is None else str(code)

    def _digest_in_place(self, file: File, size: int) -> str:
        """Compute the SHA-256 of a file in place. Raises ``RefusedErasureError`` where it cannot be read."""
        digest = hashlib.sha256()
        whole = FilePart(file.digest, size, ByteRange(0, size), file.path)
        try:
            with contextlib.closing(self._store.open(whole, str(file))) as body:
                for chunk in body:
                    digest.update(chunk)
        except DamagedFileError as error:
            raise RefusedErasureError(
                f"{error}: its bytes have to be compared before they are erased, and nothing more is"
            ) from None
        return digest.hexdigest()

    def _ban(self, digest: str, code: str | None = None) -> int:
        """Read the open ban by digest. Raises ``RefusedErasureError`` without one."""
        ((ban,),) = fetch(self._cursor, "standing_digest_ban", digest=digest)
        if ban is None:
            command = f"purger ban --same-as {code}" if code else f"purger ban --digest {digest}"
            raise RefusedErasureError(
                f"no open ban by content names {digest}, and without one the same bytes could be uploaded again:"
                f" `{command}` first"
            )
        return int(ban)

    def _on_record(self, file: File) -> bool:
        ((moment,),) = fetch(self._cursor, "erasure_of_file", digest=file.digest, path=file.path)
        return moment is not None

    def _record(self, plan: ErasurePlan, action: str, file: File | None = None, detail: str = "") -> None:
        row: dict[str, Any] = {
            "action": action,
            "original": plan.original,
            "ban_id": plan.ban,
            "digest": file.digest if file else None,
            "path": file.path if file else None,
            "detail": detail[:_LONGEST_DETAIL],
        }
        self._cursor.execute(statement("record_erasure"), row)


def _whole(file: File) -> FilePart:
    return FilePart(file.digest, 0, ByteRange(0, 0), file.path)
