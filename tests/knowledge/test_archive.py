import io
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import RequestRefused
from knowledge import archive
from knowledge.ingest import read_upload
from tests.knowledge.conftest import zipped

Write = Callable[[str | bytes], Path]


def refused(path: Path) -> RequestRefused:
    with pytest.raises(RequestRefused) as refusal:
        read_upload(path, "docs.zip")
    assert refusal.value.param == "file_id"
    assert refusal.value.fix
    return refusal.value


def with_entry(entry: zipfile.ZipInfo, content: bytes = b"# T\ntext") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr(entry, content)
    return buffer.getvalue()


def test_documents_are_read_and_other_files_named_with_the_reason(file_of: Write) -> None:
    members = {"a.md": "# A\nx", "sub/b.txt": "bee", "c.pdf": "%PDF", "__MACOSX/a.md": "junk"}

    upload = read_upload(file_of(zipped({**members, "empty.md": " \n"})), "docs.zip")

    assert [one.source for one in upload.sources] == ["a.md", "sub/b.txt"]
    reasons = {one["source"]: one["reason"] for one in upload.skipped}
    assert ".pdf is not a type we read" in reasons["c.pdf"]
    assert "operating system" in reasons["__MACOSX/a.md"]
    assert reasons["empty.md"] == "it holds no text"


@pytest.mark.parametrize(
    "name",
    ["../../x.md", "/etc/x.md", "a\\..\\..\\x.md", "\\x.md", "C:x.md", "a/../../x.md"],
)
def test_a_name_that_leads_outside_refuses_the_archive(name: str, file_of: Write) -> None:
    refusal = refused(file_of(with_entry(zipfile.ZipInfo(name))))

    assert refusal.code == "unsafe_archive"
    assert "points outside" in refusal.message


@pytest.mark.parametrize("name", ["a\u202emd.exe", "a\nb.md", "x" * 600 + ".md"])
def test_a_name_made_to_mislead_refuses_the_archive(name: str, file_of: Write) -> None:
    assert refused(file_of(with_entry(zipfile.ZipInfo(name)))).code == "unsafe_archive"


def test_a_link_in_the_archive_refuses_it(file_of: Write) -> None:
    link = zipfile.ZipInfo("a.md")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16

    assert "a link" in refused(file_of(with_entry(link, b"/etc/passwd"))).message


def test_names_that_differ_only_in_case_refuse_the_archive(file_of: Write) -> None:
    assert "same file" in refused(file_of(zipped({"A.md": "x", "a.md": "y"}))).message


def test_a_bomb_is_refused_by_its_ratio_before_it_is_unpacked(file_of: Write) -> None:
    refusal = refused(file_of(zipped({"zeros.md": "0" * 20_000_000})))

    assert "times its size; at most 100" in refusal.message


def test_too_many_members_are_refused_by_the_last_bytes_alone(file_of: Write) -> None:
    small = bytearray(zipped({"a.md": "x"}))
    end = small.rfind(archive.END)
    struct.pack_into("<HH", small, end + 8, 60_000, 60_000)

    assert "more than 10,000 files" in refused(file_of(bytes(small))).message


def test_a_zip64_archive_is_refused(file_of: Write) -> None:
    small = zipped({"a.md": "x"})
    end = small.rfind(archive.END)
    locator = archive.ZIP64_LOCATOR + bytes(16)

    assert "ZIP64" in refused(file_of(small[:end] + locator + small[end:])).message


def test_an_encrypted_member_refuses_the_archive(file_of: Write) -> None:
    content = bytearray(zipped({"a.md": "x"}))
    directory = content.rfind(b"PK\x01\x02")
    struct.pack_into("<H", content, directory + 8, 1)

    assert "encrypted" in refused(file_of(bytes(content))).message


def test_a_member_that_is_not_what_its_header_claims_is_refused(file_of: Write) -> None:
    content = bytearray(zipped({"a.md": "hello world, this is some text"}))
    directory = content.rfind(b"PK\x01\x02")
    struct.pack_into("<L", content, directory + 24, 5)

    assert refused(file_of(bytes(content))).code == "broken_archive"


def test_a_truncated_archive_is_refused(file_of: Write) -> None:
    content = zipped({"a.md": "some text " * 50})

    assert refused(file_of(content[: len(content) // 2])).code == "broken_archive"


def test_a_file_that_only_calls_itself_a_zip_is_refused(file_of: Write) -> None:
    assert refused(file_of(b"# T\ntext")).code == "broken_archive"


def test_an_archive_in_an_archive_is_never_opened(file_of: Write) -> None:
    inner = zipped({"a.md": "x"}).decode("latin-1")
    upload = read_upload(file_of(zipped({"b.md": "text", "inner.zip": inner})), "docs.zip")

    assert [one.source for one in upload.sources] == ["b.md"]
    assert upload.skipped[0]["source"] == "inner.zip"


def test_an_upload_without_any_document_is_refused_with_the_reasons(file_of: Write) -> None:
    refusal = refused(file_of(zipped({"a.png": "x", "b.exe": "y"})))

    assert refusal.code == "no_documents"
    assert "'a.png': .png is not a type we read" in refusal.message
    assert ".rst" in (refusal.fix or "")


def test_an_empty_archive_is_refused(file_of: Write) -> None:
    assert refused(file_of(zipped({}))).code == "no_documents"


def test_a_document_over_the_limit_is_skipped_and_the_rest_taken(file_of: Write) -> None:
    big = "".join(f"line {number} of many\n" for number in range(400_000))

    upload = read_upload(file_of(zipped({"big.txt": big, "a.md": "text"})), "docs.zip")

    assert [one.source for one in upload.sources] == ["a.md"]
    assert upload.skipped == [{"source": "big.txt", "reason": "it is larger than 5 MiB"}]
