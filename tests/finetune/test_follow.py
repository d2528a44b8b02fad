"""From job folder to records: what the follower makes true, and what it survives."""

from core.events import RunChanged
from tests.fakes import train_result
from tests.finetune.rooms import Rooms


def test_a_run_becomes_models_with_the_figures_of_its_result(rooms: Rooms) -> None:
    run = rooms.start()

    rooms.follower().tick()

    found = rooms.runs.get(rooms.caller, run.id)
    models = {model.kind: model for model in rooms.runs.models.list(rooms.caller)}
    assert found.state == "succeeded"
    assert found.result is not None
    assert found.result["metrics"] == train_result()["metrics"]
    assert found.model == "tickets@1"
    assert {kind: model.ref for kind, model in models.items()} == {
        "lora": "tickets@1",
        "tfidf": "tickets-tfidf@1",
        "frozen": "tickets-frozen@1",
    }
    assert (rooms.home / models["lora"].folder / "adapter" / "head.safetensors").exists()
    assert RunChanged(run.id, ended=True) in rooms.said
