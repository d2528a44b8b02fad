"""What anybody wrote, in a Markdown file: it is read as text there, whatever it says.

Labels, cells and names of files come from data, and data may look like a picture to be fetched or
a script to be run. `escaped` shows such a text letter by letter; `tamed` leaves a message its
Markdown, but no HTML and no picture.
"""

import re
from dataclasses import replace

from agent.views import (
    Action,
    Cell,
    Chart,
    Exchange,
    Field,
    Form,
    Link,
    Mask,
    Preview,
    Progress,
    Sample,
    Table,
    Talk,
    Turn,
    View,
)

ENTITY = re.compile(r"&(?=#?\w+;)")
SIGNS = re.compile(r"[\\`*~\[\]]|(?<!\w)_|_(?!\w)")
"""An underscore inside of a word, as in `run_1`, means nothing."""
START = re.compile(r"^(\d{1,9}(?=[.)](?:\s|$))|(?=[#>=]|[-+](?:[\s+-]|$)))")
"""Where a line would begin a heading, a quotation, a rule or a list."""
HTML = re.compile(r"<(?=[A-Za-z/!?])")
PICTURE = re.compile(r"!(?=\[)")
FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})[ \t]*([\w+#.-]*)")
IN_ADDRESS = re.compile(r"[^\w/:?&=#%.,~+@-]", re.ASCII)


# A text that is data ---------------------------------------------------------------------------


def escaped(text: str) -> str:
    """One line that shows the text as it is."""
    return cell(text).replace("|", "\\|")


def cell(text: str) -> str:
    """As `escaped`, for where the bars are escaped later: in a table."""
    line = " ".join(text.split())
    line = ENTITY.sub("&amp;", line).replace("<", "&lt;")
    return START.sub(r"\1\\", SIGNS.sub(r"\\\g<0>", line))


def lines(text: str) -> str:
    """As `escaped`, with the lines of the text."""
    return "\n".join(escaped(line) for line in text.splitlines())


def address(url: str) -> str:
    """An address that ends where its brackets do; one of another kind leads nowhere."""
    safe = IN_ADDRESS.sub(lambda sign: percent(sign.group()), url)
    return safe if re.match(r"/(?!/)|https?://", safe) else "#"


def percent(sign: str) -> str:
    return "".join(f"%{byte:02X}" for byte in sign.encode(errors="replace"))


# A card ----------------------------------------------------------------------------------------


def shown(view: View) -> View:
    """The card with every text escaped but its code, which stands between fences."""
    return replace(
        view,
        title=escaped(view.title),
        state_label=escaped(view.state_label),
        summary=lines(view.summary),
        progress=progress(view.progress) if view.progress else None,
        facts=pairs(view.facts),
        fields=[plan_field(one) for one in view.fields],
        charts=[chart(one) for one in view.charts],
        tables=[table(one) for one in view.tables],
        exchanges=[exchange(one) for one in view.exchanges],
        preview=preview(view.preview) if view.preview else None,
        sample=sample(view.sample) if view.sample else None,
        form=form(view.form) if view.form else None,
        code=[(re.sub(r"\W", "", language), text) for language, text in view.code],
        links=[Link(escaped(link.text), address(link.url)) for link in view.links],
        notes=[lines(note) for note in view.notes],
        actions=[action(one) for one in view.actions],
    )


def pairs(facts: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(escaped(label), escaped(value)) for label, value in facts]


def progress(told: Progress) -> Progress:
    phases = [replace(phase, label=escaped(phase.label)) for phase in told.phases]
    return replace(told, label=escaped(told.label), phases=phases, facts=pairs(told.facts))


def plan_field(told: Field) -> Field:
    return replace(
        told,
        label=escaped(told.label),
        value=escaped(told.value),
        origin=escaped(told.origin),
        reason=escaped(told.reason),
    )


def chart(drawn: Chart) -> Chart:
    """Bars stand between fences, and a line says nothing but its title: names stay as they are."""
    return replace(drawn, title=escaped(drawn.title))


def table(drawn: Table) -> Table:
    return replace(
        drawn,
        title=escaped(drawn.title),
        columns=[cell(name) for name in drawn.columns],
        rows=cells(drawn.rows),
    )


def sample(drawn: Sample) -> Sample:
    return replace(
        drawn,
        title=escaped(drawn.title),
        columns=[cell(name) for name in drawn.columns],
        rows=cells(drawn.rows),
        talks=[Talk(escaped(one.title), turns(one.turns)) for one in drawn.talks],
    )


def turns(said: list[Turn]) -> list[Turn]:
    return [replace(one, who=escaped(one.who), text=lines(one.text)) for one in said]


def exchange(drawn: Exchange) -> Exchange:
    answers = [
        replace(one, who=escaped(one.who), text=lines(one.text), note=escaped(one.note))
        for one in drawn.answers
    ]
    return Exchange(escaped(drawn.title), turns(drawn.turns), answers)


def preview(drawn: Preview) -> Preview:
    """What the model reads stands between fences: it stays as it is."""
    masks = [Mask(escaped(one.title), one.pieces) for one in drawn.masks]
    return replace(drawn, title=escaped(drawn.title), masks=masks)


def cells(rows: list[list[Cell]]) -> list[list[Cell]]:
    return [[cell(one) if isinstance(one, str) else one for one in row] for row in rows]


def form(drawn: Form) -> Form:
    return replace(drawn, target=escaped(drawn.target), placeholder=escaped(drawn.placeholder))


def action(button: Action) -> Action:
    return replace(
        button, say=escaped(button.say), approval_id=re.sub(r"[^\w-]", "", button.approval_id)
    )


# A message -------------------------------------------------------------------------------------


def tamed(message: str, host: str) -> str:
    """The message with its Markdown, but no HTML and no picture outside of blocks of code.

    Blocks are written anew, from the start of the line to an end of their own: so every reader
    of Markdown agrees on what stands inside. Links to this server get its address.
    """
    told: list[str] = []
    fence = ""
    for line in message.splitlines():
        if fence:
            ends = re.fullmatch(rf" {{0,3}}{fence[0]}{{{len(fence)},}}[ \t]*", line)
            told.append(fence if ends else line)
            fence = "" if ends else fence
        elif opened := FENCE.match(line):
            fence, language = opened.groups()
            told.append(fence + language)
        else:
            told.append(prose(line, host))
    return "\n".join([*told, fence] if fence else told)


def prose(line: str, host: str) -> str:
    line = PICTURE.sub(r"!\\", HTML.sub("&lt;", line))
    return line.replace("](/", f"]({host}/")
