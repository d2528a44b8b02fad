"""Zip archives from strangers: looked at as a whole before the first byte is unpacked.

Nothing is ever written to the disk under a name from an archive: members are read into memory,
and their names are only text. An archive that looks like an attack is refused whole.
"""

import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from core.errors import RequestRefused

MAX_MEMBERS = 10_000
MAX_DIRECTORY_BYTES = 4 * 2**20
"""Of the list of members, which is read before anything else can be known."""
MAX_UNPACKED_BYTES = 256 * 2**20
MAX_RATIO = 100
"""Unpacked to packed bytes; documents reach 20."""
RATIO_FROM_BYTES = 2**20
"""Smaller members may shrink as they like."""
MAX_NAME_BYTES = 512

END = b"PK\x05\x06"
END_BYTES = 22
ZIP64_LOCATOR = b"PK\x06\x07"
ZIP64_LOCATOR_BYTES = 20
MAX_COMMENT = 65_535
REVERSING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", END)


def read_members(path: Path, wanted_bytes: int) -> Iterator[tuple[str, bytes | None]]:
    """(name, content) of each file in the archive; None for one larger than `wanted_bytes`.

    Raises RequestRefused, before it yields anything, for an archive that is broken or unsafe;
    damage inside a member is found when its turn comes.
    """
    check_directory(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            check_members(members)
            for member in members:
                if not member.is_dir():
                    yield member.filename, content_of(archive, member, wanted_bytes)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise broken(str(error)) from error


def content_of(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, wanted_bytes: int
) -> bytes | None:
    if member.file_size > wanted_bytes:
        return None
    with archive.open(member) as file:
        content = file.read(member.file_size + 1)
    if len(content) != member.file_size:
        raise broken(f"{member.filename!r} does not have the size that its header claims")
    return content


def check_directory(path: Path) -> None:
    """Refuse by the last bytes alone what would be costly even to list."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - END_BYTES - MAX_COMMENT - ZIP64_LOCATOR_BYTES))
        tail = file.read()
    at = tail.rfind(END)
    if at < 0 or len(tail) - at < END_BYTES:
        raise broken("its end is missing")
    members, directory_bytes = struct.unpack_from("<HL", tail, at + 10)
    if tail[max(0, at - ZIP64_LOCATOR_BYTES) : at].startswith(ZIP64_LOCATOR):
        raise unsafe("it is in the ZIP64 form, meant for sizes far above our limits")
    if members > MAX_MEMBERS or directory_bytes > MAX_DIRECTORY_BYTES:
        raise unsafe(f"it holds more than {MAX_MEMBERS:,} files")


def check_members(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MAX_MEMBERS:
        raise unsafe(f"it holds more than {MAX_MEMBERS:,} files")
    seen: dict[str, str] = {}
    for member in members:
        if fault := fault_of(member):
            raise unsafe(f"{shown(member.orig_filename)!r} {fault}")
        folded = unicodedata.normalize("NFC", member.filename).casefold().rstrip("/")
        if folded in seen:
            raise unsafe(
                f"{shown(seen[folded])!r} and {shown(member.filename)!r} are the same file on many "
                "systems"
            )
        seen[folded] = member.filename
    check_size(members)


def fault_of(member: zipfile.ZipInfo) -> str | None:
    """What is wrong with the member by its entry alone, as the end of a sentence."""
    name = member.orig_filename
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or name[1:2] == ":":
        return "points outside the archive"
    if any(unicodedata.category(char) in ("Cc", "Cs") or char in REVERSING for char in name):
        return "has a control character in its name"
    if len(name.encode(errors="replace")) > MAX_NAME_BYTES:
        return f"has a name of more than {MAX_NAME_BYTES} bytes"
    if member.flag_bits & 0x1:
        return "is encrypted"
    mode = member.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device, not a file"
    return None


def check_size(members: list[zipfile.ZipInfo]) -> None:
    whole = sum(member.file_size for member in members)
    if whole > MAX_UNPACKED_BYTES:
        raise unsafe(f"it unpacks to {whole >> 20:,} MiB; at most {MAX_UNPACKED_BYTES >> 20} fit")
    for member in members:
        ratio = member.file_size / max(1, member.compress_size)
        if member.file_size > RATIO_FROM_BYTES and ratio > MAX_RATIO:
            raise unsafe(
                f"{shown(member.filename)!r} unpacks to {ratio:,.0f} times its size; "
                f"at most {MAX_RATIO} is taken"
            )


def shown(name: str) -> str:
    return name.encode("ascii", "backslashreplace").decode()[:120]


def unsafe(why: str) -> RequestRefused:
    return RequestRefused(
        f"The archive was not opened: {why}.",
        code="unsafe_archive",
        param="file_id",
        fix="Zip the plain documents again, by a folder of their own, and upload that.",
    )


def broken(why: str) -> RequestRefused:
    return RequestRefused(
        f"The archive cannot be read: {why}.",
        code="broken_archive",
        param="file_id",
        fix="Make the zip again and upload it once more.",
    )
