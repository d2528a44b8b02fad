"""Which words together mean which intent. A rule names tags that must and must not be there.

`"SHOW|WH RUNS -HOWTO"` reads: SHOW or WH, and RUNS, and no HOWTO. Of the rules that hold, the
heaviest wins; among equals the earlier one. An intent is mostly the name of a tool.
"""

from collections.abc import Set
from dataclasses import dataclass
from functools import cache

TABLE = """
outside              30 OUTSIDE -TRAIN -TRAINING
outside              10 UNTRAINABLE DESCRIBE|SHOW -HOWTO -WHEN
unsupported          29 TRAIN|TRAINING|MAKE|START UNTRAINABLE -HOWTO -WHEN
unsupported          29 CAN_YOU UNTRAINABLE
unsupported          28 ALIGN -HOWTO -DEFINE
unsupported          28 ALIGN CAN_YOU
chats_possible       27 CAN_YOU CHATMODEL -ATTACHED -NAME_DATASET -PRONOUN -HOWTO
start_finetune       12 FAMILY TRAIN|TRAINING -WHEN -HOWTO -DEFINE -ESTIMATE
check_dataset        19 MASK NTH -HOWTO
talk                 22 TALK -HOWTO
run_status           20 MIXED
pause                20 PAUSE -HOWTO
list_models          19 BASES -HOWTO
search_docs          19 HOWTO
search_docs          18 SEARCH DOCS
list_approvals       18 APPROVE|APPROVAL SOME -WHY
compare_runs         18 DIFFER|COMPARE RUNS -BASELINE -BASE -HOWTO
compare_runs         18 DIFFER NAME_RUN
search_docs          17 DEFINE CONCEPT|PRIVACY|DOCS|FLAWS
check_dataset        16 MASK -HOWTO
run_status           14 QUALITY -HOWTO
describe_dataset     12 TURNS -TRAIN -HOWTO
search_docs          17 PRIVACY DATA|DATASET|TEXT
search_docs          16 PRIVACY WHEN
search_docs          16 DOCS WH -ADD -MAKE -DELETE -LISTING
list_approvals       15 PENDING -DATASETS -ESTIMATE
list_approvals       15 APPROVAL WH|SHOW|ANY -WHY
list_approvals       15 APPROVE ANY -PRONOUN -WHEN -WHY
approve              14 APPROVE -WHEN
reject               14 REJECT -WHY -WHEN
check_dataset        18 USABLE -PRIVACY
delete_documents     13 DELETE DOCS
delete_dataset       13 DELETE DATASET|DATASETS|DATA
delete_model         13 DELETE MODEL|MODELS
stop_endpoint        13 DELETE ENDPOINT|ENDPOINTS
delete_run           13 DELETE RUN|RUNS|NAME_RUN
disk_usage           12 DISK
delete               12 DELETE NAME|PRONOUN
stop_endpoint        12 STOP|CANCEL|UNDEPLOY ENDPOINT|ENDPOINTS
stop_endpoint        12 STOP DEPLOY|LIVE
stop_endpoint        12 UNDEPLOY
stop_endpoint        12 PUT OFFLINE
start_finetune       12 STARTS -RETRY -DEPLOY -ESTIMATE -CHECK
start_finetune       12 MAKES_MODEL -DEPLOY -LIVE -EXPORT -WHY -ESTIMATE
start_finetune        6 MAKES_MODEL -DEPLOY -LIVE -EXPORT -WHY
start_finetune       11 TRAIN|START|TRAINING CHATMODEL -DEPLOY -EXPORT -WHEN -HOWTO -ESTIMATE
cancel_run           12 STOP|CANCEL RUN|RUNS|TRAINING|TRAIN|NAME_RUN -WHEN
cancel_run           11 CANCEL -WHEN
stop                 11 STOP -WHEN
compare_runs         11 COMPARE RUNS|NAME_RUN|RUN
check_dataset         9 FLAWS -RUN -NAME_RUN -MODEL -HOWTO
check_dataset        11 FLAWS DATASET|DATA|NAME_DATASET|ROWS -TRAIN
check_dataset        11 CHECK DATASET|DATA|NAME_DATASET WHEN -LATENCY -MODEL -RUN
check_dataset         9 CHECKS
check_dataset         3 CHECK -WHEN
deploy_endpoint      12 REPLACE NAME_ENDPOINT|ENDPOINT|MODEL -DATASET -WHEN
predict_file         11 CLASSIFY ATTACHED -TRAIN -TRAINING -MAKE -WHEN -DATASET
create_dataset        8 ADD ATTACHED PRONOUN -WHEN
create_dataset        9 LOAD ATTACHED -TRAIN -DEPLOY -MODEL -ENDPOINT -WHEN -DOCS
add_documents        11 ADD|MAKE DOCS
create_dataset       13 DATASET ATTACHED FILE -TRAIN -WHEN -CLASSIFY -CHECK -DESCRIBE -DELETE
create_dataset       12 MAKE|LOAD DATASET|DATASETS ATTACHED -TRAIN -WHEN
create_dataset       11 MAKE|LOAD DATASET -TRAIN -WHEN
create_dataset       10 LOAD|MAKE FILE|DATA -CHECK -TRAIN -DEPLOY -MODEL -ENDPOINT -WHEN
quote_finetune       11 ESTIMATE TRAIN|TRAINING -DONE
quote_finetune       10 ESTIMATE WOULD
quote_finetune        7 ESTIMATE
run_status           11 ESTIMATE DONE
run_status            9 STATUS RUN|NAME_RUN|TRAINING|TRAIN
run_status            9 RUN|NAME_RUN DESCRIBE|ROWS|WHEN
run_status            9 STATUS COMPARE|BASELINE
run_status            9 COMPARE BASELINE|BASE WHEN
endpoint_status      10 STATUS|LATENCY|CHECK|DESCRIBE ENDPOINT
endpoint_status       9 LATENCY
endpoint_status       8 LIVE WHEN -PUT -ANY
how_is                8 STATUS
run_status            1 NAME_RUN
list_runs            10 RUNS SHOW|WH|ANY -COMPARE -CHECK
run_status           10 RUNNING PRONOUN|NAME|RUN|TRAINING|NAME_RUN -ANY -RUNS
list_runs            10 RUNS WHEN -COMPARE -CHECK -HOWTO -ESTIMATE -STATUS
list_runs            10 RUNNING ANY -ENDPOINT -ENDPOINTS
list_runs             9 RUNNING
run_status            7 SHOW|WH RUN|NAME_RUN
list_runs             7 RUN ANY
list_endpoints       10 ENDPOINTS
list_endpoints       11 ALL ENDPOINT WHEN -DISK
list_endpoints        9 LIVE ANY
list_endpoints        9 SHOW|WH ENDPOINT
list_models          12 MODELS WHEN -LIVE -COMPARE
list_models          10 MODELS SHOW|WH|ANY -DEPLOY -TRAIN
list_models           7 SHOW|WH MODEL -DEPLOY -TRAIN
export_model         12 EXPORT MODEL|MODELS|NAME|PRONOUN -DATASET -DATA
export_model          6 EXPORT -ATTACHED
list_datasets        10 DATASETS
predict_file         12 CLASSIFY|ASK FILE|ROWS|DATA|DATASET -TRAIN -TRAINING -MAKE -WH
predict_file         11 CLASSIFY FILE -TRAINING
check_dataset        10 CHECK DATASET|DATASETS|DATA|FILE|NAME|PRONOUN|ROWS -TRAIN -LATENCY
sample_dataset       11 SAMPLE -TRAIN -COUNTED -FLAWS -CHECK -CLASSIFY -HOWTO -DEPLOY -DEFINE
describe_dataset      9 DESCRIBE|ROWS DATASET|DATASETS|DATA|FILE|NAME|PRONOUN -TRAIN
describe_dataset      8 ROWS|DESCRIBE SHOW|WH -TRAIN -MODEL -ENDPOINT -RUN -NAME_RUN
describe_dataset      8 COUNTED ROWS WHEN -TRAIN -MODEL -ENDPOINT -RUN -NAME_RUN -HOWTO -DEFINE
describe_dataset      7 SHOW|WH DATASET|FILE|NAME_DATASET -TRAIN -DEPLOY
describe_dataset      6 SHOW DATA|NAME
start_finetune       10 TRAIN -WHEN -LATER
start_finetune       10 START TRAINING -WHEN
start_finetune        9 MAKE|START MODEL|MODELS -DEPLOY -LIVE
start_finetune        6 TRAIN
start_finetune        6 TRAINING -WH
deploy_endpoint      11 DEPLOY -WHEN
deploy_endpoint      13 DEPLOYS
deploy_endpoint      11 PUT LIVE
deploy_endpoint      11 MAKE|START|PUT|DEPLOY ENDPOINT
list_endpoints        7 DEPLOY WHEN
deploy_endpoint       5 BASELINE START|PUT
deploy_endpoint       8 BASELINE ENDPOINT -WHEN -STATUS
deploy_endpoint       5 PUT NAME_MODEL NAME_ENDPOINT -WHEN
retry_run            11 RETRY
ask_endpoint          7 ASK|CLASSIFY -ATTACHED
describe_dataset      4 ROWS|DESCRIBE -CLASSIFY -START -HOWTO -DEFINE
compare               6 COMPARE BASE|BASELINE
search_docs           8 WHY FILE
search_docs           6 WHY
search_docs           5 CONCEPT WHEN
go                    4 START PRONOUN
go                    3 START
"""


@dataclass(frozen=True)
class Rule:
    intent: str
    weight: int
    needs: tuple[frozenset[str], ...]
    bars: frozenset[str]

    def holds(self, tags: Set[str]) -> bool:
        return not self.bars & tags and all(group & tags for group in self.needs)


def parsed(line: str) -> Rule:
    intent, weight, *terms = line.split()
    needs = tuple(frozenset(term.split("|")) for term in terms if not term.startswith("-"))
    bars = frozenset(term[1:] for term in terms if term.startswith("-"))
    return Rule(intent, int(weight), needs, bars)


@cache
def rules() -> list[Rule]:
    """All rules, the heaviest first."""
    table = [parsed(line) for line in TABLE.strip().splitlines()]
    return sorted(table, key=lambda rule: -rule.weight)


def intent_of(tags: Set[str]) -> str | None:
    """The intent that the words' tags amount to, or None."""
    return next((rule.intent for rule in rules() if rule.holds(tags)), None)
