"""What a tool does, in the words of the page: the line above its folded details."""

from dataclasses import dataclass
from functools import cache

from agent.language import Language, Words, words_in


@dataclass(frozen=True)
class Deed:
    doing: str
    done: str


def deed_of(tool: str, w: Words) -> Deed:
    """A tool that is not listed is named as it is."""
    plain = tool.replace("_", " ")
    return deeds(w.language).get(tool, Deed(plain, plain))


@cache
def deeds(language: Language) -> dict[str, Deed]:
    w = words_in(language)
    return on_data(w) | on_runs(w) | on_endpoints(w) | on_the_rest(w)


def on_data(w: Words) -> dict[str, Deed]:
    return {
        "create_dataset": Deed(w("Making the dataset"), w("Made the dataset")),
        "describe_dataset": Deed(w("Looking at the dataset"), w("Looked at the dataset")),
        "check_dataset": Deed(w("Checking the dataset"), w("Checked the dataset")),
        "sample_dataset": Deed(w("Reading rows of the dataset"), w("Read rows of the dataset")),
        "list_datasets": Deed(w("Listing the datasets"), w("Listed the datasets")),
        "delete_dataset": Deed(w("Deleting the dataset"), w("Deleted the dataset")),
        "add_documents": Deed(w("Adding documents"), w("Added documents")),
        "search_docs": Deed(w("Searching the documents"), w("Searched the documents")),
        "delete_documents": Deed(w("Deleting documents"), w("Deleted documents")),
    }


def on_runs(w: Words) -> dict[str, Deed]:
    return {
        "quote_finetune": Deed(w("Measuring what a run takes"), w("Measured what a run takes")),
        "start_finetune": Deed(w("Planning the run"), w("Planned the run")),
        "retry_run": Deed(w("Starting the run again"), w("Started the run again")),
        "run_status": Deed(w("Looking at the run"), w("Looked at the run")),
        "cancel_run": Deed(w("Cancelling the run"), w("Cancelled the run")),
        "list_runs": Deed(w("Listing the runs"), w("Listed the runs")),
        "compare_runs": Deed(w("Comparing the runs"), w("Compared the runs")),
        "list_models": Deed(w("Listing the models"), w("Listed the models")),
        "export_model": Deed(w("Exporting the model"), w("Exported the model")),
        "delete_model": Deed(w("Deleting the model"), w("Deleted the model")),
    }


def on_endpoints(w: Words) -> dict[str, Deed]:
    return {
        "deploy_endpoint": Deed(w("Putting the model live"), w("Put the model live")),
        "endpoint_status": Deed(w("Looking at the endpoint"), w("Looked at the endpoint")),
        "list_endpoints": Deed(w("Listing the endpoints"), w("Listed the endpoints")),
        "ask_endpoint": Deed(w("Asking the endpoint"), w("Asked the endpoint")),
        "stop_endpoint": Deed(w("Stopping the endpoint"), w("Stopped the endpoint")),
        "predict_file": Deed(w("Predicting a file"), w("Predicted a file")),
    }


def on_the_rest(w: Words) -> dict[str, Deed]:
    return {
        "list_approvals": Deed(w("Looking what waits"), w("Looked what waits")),
        "disk_usage": Deed(w("Measuring the disk"), w("Measured the disk")),
    }
