"""HTML to the text that a reader sees, with headings and code marked as in Markdown.

A scanner of our own, because the standard library's parser takes quadratic time on what is never
closed: five megabytes of `<!--` from a stranger would keep it busy for hours. Here every search
either moves forward or ends the page. Attributes are not looked at.
"""

import re
from html import unescape

MAX_TITLE = 200
HIDDEN = {"script", "style", "template", "noscript", "svg", "nav", "textarea", "select"}
"""What is in them is left out, up to their end."""
BLOCKS = {
    "p", "div", "section", "article", "main", "li", "ul", "ol", "table", "tr", "br",
    "blockquote", "dt", "dd", "hr", "header", "footer",
}  # fmt: skip
MARKUP = re.compile(r"<(?=/?[a-zA-Z]|[!?])")
NAME = re.compile(r"</?([a-zA-Z][a-zA-Z0-9-]{0,30})")


def html_to_markdown(text: str) -> tuple[str, str]:
    """(title, text); the title is empty where the page has none."""
    scanner = Scanner(text)
    scanner.run()
    lines = (line.strip(" ") for line in "".join(scanner.pieces).split("\n"))
    whole = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"
    return scanner.title[:MAX_TITLE], whole


class Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.lowered = text.lower() if len(text.lower()) == len(text) else text
        """For finding ends in any case; a few letters change their length in lower case."""
        self.pieces: list[str] = []
        self.title = ""
        self.in_pre = self.in_heading = False

    def run(self) -> None:
        at = 0
        while at < len(self.text):
            found = MARKUP.search(self.text, at)
            opening = found.start() if found else len(self.text)
            self.put(self.text[at:opening])
            at = self.markup(opening) if found else opening

    def markup(self, at: int) -> int:
        """Where the text goes on after what begins with `<` here."""
        if self.text.startswith("<!--", at):
            return self.after("-->", at + 4)
        if self.text.startswith(("<!", "<?"), at):
            return self.after(">", at)
        name = NAME.match(self.text, at)
        assert name is not None, "MARKUP finds nothing else"
        tag, end = name[1].lower(), self.end_of_tag(name.end())
        if self.text[at + 1] == "/":
            self.close(tag)
            return end
        return self.open(tag, end)

    def after(self, mark: str, at: int) -> int:
        """Just behind the next mark; the end of the page where there is none."""
        found = self.lowered.find(mark, at)
        return len(self.text) if found < 0 else found + len(mark)

    def end_of_tag(self, at: int) -> int:
        """Behind the `>`; one inside a double-quoted value does not count."""
        end = self.after(">", at)
        if self.text.count('"', at, end) % 2:
            quote = self.text.find('"', end)
            return end if quote < 0 else self.after(">", quote)
        return end

    def open(self, tag: str, end: int) -> int:
        if tag in HIDDEN:
            return self.end_of_tag(self.after(f"</{tag}", end))
        if tag == "title":
            title = self.text[end : end + 4 * MAX_TITLE].partition("<")[0]
            self.title = self.title or " ".join(unescape(title).split())
            return self.end_of_tag(self.after("</title", end))
        if is_heading(tag):
            self.pieces.append("\n\n" + "#" * int(tag[1]) + " ")
            self.in_heading = True
        elif tag == "pre":
            self.pieces.append("\n\n```\n")
            self.in_pre = True
        elif tag in BLOCKS and not self.in_heading:
            self.pieces.append("\n\n" if tag == "p" else "\n")
        return end

    def close(self, tag: str) -> None:
        if is_heading(tag):
            self.pieces.append("\n\n")
            self.in_heading = False
        elif tag == "pre" and self.in_pre:
            self.pieces.append("\n```\n\n")
            self.in_pre = False
        elif tag in BLOCKS and not self.in_heading:
            self.pieces.append("\n")

    def put(self, raw: str) -> None:
        text = unescape(raw)
        self.pieces.append(text if self.in_pre else re.sub(r"\s+", " ", text))


def is_heading(tag: str) -> bool:
    return len(tag) == 2 and tag[0] == "h" and tag[1] in "123456"
