"""What a tool refused while a language model answers: its words lead to the help."""

from pathlib import Path

import pytest

from tests.agent.tab import Tab
from tests.fakes_llm import Call, Say, Script, playing
from tests.running import RunningThimble

pytestmark = pytest.mark.slow
LINK = "[What this means](/help/errors#not_found)"
WRONG = Call([("describe_dataset", {"dataset": "nothing@1"})])


async def test_only_the_words_after_a_call_that_failed_lead_to_the_help(home: Path) -> None:
    script: list[Script] = [
        *(WRONG, Say("It is not there.")),
        *(WRONG, Call([("list_datasets", {})]), Say("You have none.")),
    ]
    with playing(*script) as llm:
        asked = {"THIMBLE_LLM": "scripted", "THIMBLE_LLM_BASE_URL": llm.url}
        with RunningThimble(home, **asked) as thimble:
            async with Tab(thimble.url) as tab:
                await tab.say("describe it")
                await tab.until_seen(f"It is not there.\n\n{LINK}")
                await tab.say("again")
                await tab.until_seen("You have none.")
                said = [one["output"] for one in tab.messages.values()]
                steps = [one for one in tab.messages.values() if one.get("isError")]

    assert sum(text.endswith(f"\n\n{LINK}") for text in said) == 1
    assert "You have none." in said
    assert len(steps) == 2 and all(step["output"].endswith(LINK) for step in steps)
