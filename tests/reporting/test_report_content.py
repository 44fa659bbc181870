from __future__ import annotations

import dataclasses
import io
import re
from dataclasses import replace

import pandas as pd
from reporting_samples import CONFIG, LEAK, content, note, result, with_a_fault

from reelbench.reporting.content import describe
from reelbench.reporting.page import leaderboard as render
from reelbench.reporting.results import twins
from reelbench.reporting.tables import metrics_frame, to_csv


def test_relevance_names_the_threshold_and_who_is_left_out() -> None:
    assert note("relevance", content(result("a"))).startswith(
        "Every test rating counts as relevant."
    )
    config = CONFIG.model_copy(update={"min_relevant_rating": 3.5})
    strict = dataclasses.replace(content(result("a")), config=config)
    strict.results[0].metrics["n_users_without_relevant"] = 4
    assert "A test rating of 3.5 or more counts" in note("relevance", strict)
    assert "4 test users without one are left out" in note("relevance", strict)


def test_a_sample_of_users_is_stated_at_the_table() -> None:
    whole, sampled = content(result("a")), content(result("a"))
    sampled.results[0].metrics["n_test_users_before_sampling"] = 138_493
    text = f"Evaluated on {sampled.counts['n_test_users']:,} of 138,493 test users"
    assert f"in brackets. {text}, a sample" in render(sampled)
    assert "in brackets.\n" in render(whole) and "Evaluated on" not in render(whole)


def test_a_model_that_reads_less_than_it_declares_is_marked() -> None:
    network = {"made_by": "Network {}"}
    dnn = replace(result("dnn", 0.9), read=["genres", "years"], **network)
    hybrid = replace(result("hybrid", 0.91), read=["genres", "years"], empty=["tags"], **network)
    demographic = replace(
        result("demographic", 0.89),
        read=["years", "genres"],
        empty=["demographics"],
        made_by="Network {1}",
    )
    content_based = replace(result("content", None), empty=["genres", "tags"], made_by="Content {}")
    some = replace(result("st"), read=["text"], empty=["years"], made_by="St {}")
    results = [dnn, hybrid, demographic, content_based, some]
    assert twins([hybrid, demographic, dnn]) == {"hybrid": "dnn"}
    shown = replace(content(*results[:1], *results[2:]), twins={"dnn": [hybrid]})
    assert [name for name, _ in shown.rows] == [
        "demographic (reads what dnn reads: demographics is empty here)",
        "dnn = hybrid (tags is empty here)",
        "st",
        "content (reads nothing here: genres, tags are empty)",
    ]


def test_equal_answers_are_those_of_every_user_and_rating() -> None:
    one, same, other = result("one"), result("same"), result("other", 0.91)
    moved = replace(one, name="moved", predictions=one.predictions.assign(score=3.0))
    assert twins([one, same, other, moved]) == {"same": "one"}


def test_the_leaderboard_is_at_the_first_cutoff() -> None:
    assert "nDCG@10" in [column.title for column in content(result("a")).columns]


def test_costs_of_an_unknown_machine() -> None:
    unknown = result("a")
    del unknown.train_cost["machine"]
    assert note("machine", content(unknown)).startswith("Costs are those of one run; only")


def test_a_difference_has_sign_interval_and_p() -> None:
    (verdict,) = content(result("bias", 0.9), result("svd", 0.8)).verdicts
    text = describe(verdict)
    assert text.startswith("-0.1000 [-0.1") and text.endswith("p < 1e-6")


RESULTS = (
    result("popularity", None, 0.4),
    result("bias", 0.9),
    result("svd", 0.8),
    result("poor", 1.0),
)


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_one_row_per_model_in_order() -> None:
    table = rows(render(content(*RESULTS)))
    assert [row[0] for row in table[2:6]] == ["svd", "bias", "poor", "popularity"]
    assert len({len(row) for row in table[:6]}) == 1
    by_title = dict(zip(table[0], table[2], strict=True))
    assert by_title["RMSE"] == "**0.8000** [0.790, 0.810]"
    assert by_title["nDCG@10"] == "0.1000"
    assert by_title["train s"] == "12.50"
    assert table[5][1:4] == ["—"] * 3


def test_intervals_of_ranking_metrics_have_a_table_of_their_own() -> None:
    table = rows(render(content(*RESULTS)))
    assert table[6] == ["model", "nDCG@10"]
    assert table[8] == ["svd", "[0.090, 0.110]"]


def test_says_what_is_better_than_bias() -> None:
    text = render(content(*RESULTS))
    assert re.search(r"^- Better than bias: `svd` \(-0\.1000 \[", text, re.MULTILINE)
    assert re.search(r"^- Worse than bias: `poor` \(\+0\.1000", text, re.MULTILINE)
    assert "No difference" not in text


def test_claims_nothing_without_bias() -> None:
    assert "Better" not in render(content(*(r for r in RESULTS if r.name != "bias")))


def test_names_the_leak_the_cold_and_the_machine() -> None:
    text = render(content(*RESULTS))
    assert f"`temporal_user` still leaks: {LEAK}" in text
    assert "3 of 60 test users" in text and "7 movies" in text
    assert "Some CPU with 2 threads" in text
    assert "160 train, 20 valid, 20 test" in text


def test_marks_every_row_of_a_faulty_protocol() -> None:
    faulty = content(*map(with_a_fault, RESULTS))
    text = render(faulty)
    assert text.splitlines()[2].startswith("> **Not an honest protocol. Faults switched on: `drop")
    assert [row[0] for row in rows(text)[2:6]] == [
        f"{model} [drop_cold_items]" for model in ("svd", "bias", "poor", "popularity")
    ]
    assert "honest" not in render(content(*RESULTS))


def test_marks_the_one_model_whose_own_parameters_are_a_fault() -> None:
    svd, bias = RESULTS[2], RESULTS[1]
    metrics = svd.metrics | {"faults": {"untrained_ids": True}}
    shown = content(bias, replace(svd, metrics=metrics))
    assert [row[0] for row in rows(render(shown))[2:4]] == ["svd [untrained_ids]", "bias"]
    assert "`untrained_ids` (an id that was never trained" in shown.warning
    table = pd.read_csv(io.StringIO(to_csv(metrics_frame(shown.results))), index_col="model")
    assert table["faults"].dropna().to_dict() == {"svd": "untrained_ids"}
