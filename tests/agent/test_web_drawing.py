"""Views become Markdown, charts and buttons; checked without a server."""

import asyncio
import json
import logging

import pytest

from agent.channels.web import place
from agent.channels.web.drawing import draw, escape, figure, name_id, text_of
from agent.channels.web.edge import attempt
from agent.channels.web.progress import progress_card
from agent.views import Action, Chart, Link, Table, View
from core.errors import RequestRefused
from core.records.tables import Run
from core.settings import Settings


def test_a_cell_from_somebodys_data_cannot_become_markdown() -> None:
    cells = ["a|b", "![x](http://evil/?q)", "<b>", "line\nbreak"]
    view = View(title="t", tables=[Table("", ["text"], [[cell] for cell in cells])])

    text = text_of(view)

    assert r"a\|b" in text
    assert "![x]" not in text
    assert "<b>" not in text
    assert "| line break |" in text


def test_a_fence_in_a_snippet_cannot_end_its_block() -> None:
    text = text_of(View(title="t", code=[("bash", "echo\n```\n![x](http://evil)")]))
    assert text.count("```") == 2


def test_columns_of_figures_stand_to_the_right() -> None:
    table = Table("", ["label", "rows", "recall"], [["a", 3, "85.7 %"], ["b", None, "100.0 %"]])
    assert "|:--|--:|--:|" in text_of(View(title="t", tables=[table]))


def test_an_empty_table_is_left_out() -> None:
    assert "Problems" not in text_of(View(title="t", tables=[Table("Problems", ["what"], [])]))


def test_links_open_the_cited_passage() -> None:
    view = View(title="t", links=[Link("[1] Data", "/help/document_1?start=0&end=9")])
    assert r"[\[1\] Data](/help/document_1?start=0&end=9)" in text_of(view)


def test_the_first_button_is_the_next_step_and_deciding_names_its_approval() -> None:
    actions = [
        Action("Deploy", say="Deploy it"),
        Action("Approve", decide="approve", approval_id="ap_1"),
    ]

    first, second = draw(View(title="t", actions=actions)).buttons

    assert (first.name, first.payload, first.icon) == ("say", {"text": "Deploy it"}, "arrow-right")
    assert (second.name, second.payload) == (
        "decide",
        {"approval_id": "ap_1", "decision": "approve"},
    )


def test_many_or_long_labels_lie_down() -> None:
    short = figure(Chart("bar", "t", ["a", "b"], [1, 2], "label", "rows"))
    long = figure(Chart("bar", "t", ["a", "a_very_long_label_name"], [1, 2], "label", "rows"))

    assert short["data"][0]["x"] == ["a", "b"]
    assert long["data"][0]["y"] == ["a", "a_very_long_label_name"]
    assert long["layout"]["height"] > 90


@pytest.mark.parametrize("kind", ["bar", "line"])
def test_charts_have_no_background_of_their_own(kind: str) -> None:
    drawn = figure(Chart(kind, "a <b>", [1, 2], [1.0, 2.0]))  # type: ignore[arg-type]
    assert drawn["layout"]["paper_bgcolor"].endswith(",0)")
    assert "<" not in drawn["layout"]["title"]["text"]
    json.dumps(drawn, allow_nan=False)


def test_ids_made_of_names_are_the_same_each_time() -> None:
    assert name_id("thread", "run_1") == name_id("thread", "run_1") != name_id("thread", "run_2")


def test_escaping_keeps_the_words() -> None:
    assert escape("plain words, 95 %") == "plain words, 95 %"


def test_a_moving_run_shows_at_most_120_points_with_the_newest() -> None:
    progress = {"step": 999, "total_steps": 1000, "curve": [[n, 1 / (n + 1)] for n in range(1000)]}
    run = Run(id="run_1", state="running", dataset="d@1", base_model="minilm", progress=progress)

    card = progress_card(run, draw(View(title="t", actions=[Action("Cancel", say="cancel run_1")])))

    curve = card.elements[0].content["curve"]
    assert len(curve) <= 120
    assert curve[-1][0] == 999
    assert card.key == "run_1"
    assert [button.icon for button in card.buttons] == ["square"]


async def test_a_refusal_is_told_in_its_own_words() -> None:
    async def refuse() -> None:
        raise RequestRefused("There is no dataset 'x'.", fix="Known: y.")

    assert await attempt(refuse()) == "There is no dataset 'x'. Known: y."


async def test_the_text_of_an_unexpected_error_stays_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError("secret in /etc/passwd")

    with caplog.at_level(logging.ERROR):
        words = await attempt(fail())

    assert words is not None
    assert "passwd" not in words
    request_id = words.split("`")[1]
    assert request_id in caplog.text
    assert "passwd" in caplog.text


def test_the_page_says_where_text_goes(tmp_path: object) -> None:
    home = place.Path(str(tmp_path))
    asked = Settings(home=home, llm="qwen", llm_base_url="http://10.0.0.5:8000/v1")

    assert "leaves this machine" in place.where_text_goes(Settings(home=home))
    assert "qwen at 10.0.0.5:8000" in place.where_text_goes(asked)


def test_the_page_asks_no_other_host_for_anything(tmp_path: object) -> None:
    app = place.Path(str(tmp_path))

    place.write_page(app)

    page = (app / "build" / "index.html").read_text()
    assert "https://" not in page
    assert "img-src 'self' data: blob:" in page
