import pytest

from core.errors import RequestRefused
from knowledge.markup import Page, headings_of, read_page


def titles(page: Page) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in page.headings]


def test_markdown_headings_are_hashes_and_underlines_outside_code() -> None:
    page = read_page(
        "a.md",
        b"Guide\n=====\n\n```sh\n# a comment\n```\n\n"
        b'## Use `it` [now](x.md)<a name="now"></a> ##\n\nLast\n----\ntext',
    )

    assert titles(page) == [(1, "Guide"), (2, "Use it now"), (2, "Last")]
    assert page.title == "Guide"


def test_a_rule_a_table_or_front_matter_is_no_heading() -> None:
    page = read_page("a.md", b"---\nname: x\n---\n# T\n\ntext\n\n---\n\n| a |\n---\n")

    assert titles(page) == [(1, "T")]


def test_rst_levels_follow_the_order_in_which_styles_appear() -> None:
    page = read_page(
        "a.rst", b"=====\nGuide\n=====\n\nInstall\n-------\n\nLinux\n~~~~~\n\nUse\n---\ntext\n"
    )

    assert titles(page) == [(1, "Guide"), (2, "Install"), (3, "Linux"), (2, "Use")]


def test_html_is_reduced_to_what_a_reader_sees() -> None:
    page = read_page(
        "a.html",
        b"<title>My page</title><nav>menu</nav><h1>Top</h1><p>Some&nbsp;<b>bold</b>\n text."
        b"<script>alert(1)</script><style>p{}</style><h2>Code</h2><pre># not a heading</pre>",
    )

    assert page.title == "My page"
    assert titles(page) == [(1, "Top"), (2, "Code")]
    assert "bold text." in page.text
    assert "alert" not in page.text and "menu" not in page.text and "p{}" not in page.text


@pytest.mark.parametrize("source", ["a.md", "a.rst", "a.html", "a.txt"])
def test_the_stored_text_alone_says_where_its_headings_are(source: str) -> None:
    page = read_page(source, b"<h1>One</h1>\n# Two\n\nThree\n=====\n<p>text</p>")

    assert headings_of(source, page.text) == page.headings


def test_windows_line_ends_and_a_byte_order_mark_leave_no_trace() -> None:
    assert read_page("a.md", b"\xef\xbb\xbf# T\r\nline\r\n").text == "# T\nline\n"


def test_a_plain_text_is_named_by_its_first_short_line_or_its_file() -> None:
    assert read_page("notes/a.txt", b"Shopping\n\nmilk").title == "Shopping"
    assert read_page("notes/list.txt", b"x" * 200).title == "list"


@pytest.mark.parametrize("content", [b"\x00\x01\x02binary", b"\xff\xd8\xff\xe0\x00\x10JFIF"])
def test_what_is_not_text_is_refused_whatever_its_name(content: bytes) -> None:
    with pytest.raises(RequestRefused):
        read_page("a.md", content)


@pytest.mark.parametrize("piece", ["<!--", "<", "</", "<a b='", '<a "', "<script>", "<?", "&"])
def test_html_that_is_never_closed_is_read_in_linear_time(piece: str) -> None:
    page = read_page("a.html", ("<p>seen</p>" + piece * 100_000).encode())

    assert "seen" in page.text
