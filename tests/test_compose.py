"""conf/ is the only source of params.yaml, and every name in it has its file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from places import CHOICES, MODEL_FILES, ROOT

from reelbench.compose import compose
from reelbench.params import ParamsError


@pytest.fixture(autouse=True)
def at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_committed_params_are_what_conf_composes_to(tmp_path: Path) -> None:
    compose(tmp_path / "params.yaml")
    fresh = (tmp_path / "params.yaml").read_text(encoding="utf-8")
    assert fresh == (ROOT / "params.yaml").read_text(encoding="utf-8"), "run `make params`"


@pytest.mark.slow
@pytest.mark.parametrize("group", ["data", "split", "tracking", "engine"])
def test_every_choice_composes_and_is_named_like_its_file(tmp_path: Path, group: str) -> None:
    files = sorted((ROOT / "conf" / group).glob("*.yaml"))
    assert files
    for file in files:
        content = compose(tmp_path / "params.yaml", [f"{group}={file.stem}"])
        assert content[group]["name"] == file.stem


@pytest.mark.slow
def test_every_experiment_composes(tmp_path: Path) -> None:
    files = sorted((ROOT / "conf" / "experiment").glob("*.yaml"))
    assert files
    for file in files:
        content = compose(tmp_path / "params.yaml", [f"+experiment={file.stem}"])
        assert content["protocol"] in (None, file.stem)
        assert set(content["inputs"]) == set(content["models"])


#: blocks of `+experiment=text_encoders` and `+experiment=tmdb_unseen`
# models for a preset or for cases of their own, or too slow for the limits of a default run
ON_REQUEST = {
    *("knn_basic", "knn_means", "knn_zscore", "knn_baseline", "random"),
    *("st_static", "st_use", "st_glove", "st_tuned", "boosted"),
    *("warp", "als_spark", "netflix_cosine", "sasrec", "lightgcn", "mult_vae"),
}
OF_ENCODERS = {"text_static", "text_use", "text_glove", "text_glove_keywords", "text_companies"}


def stems(group: str) -> set[str]:
    """Names of the models, or of the files of another group."""
    files = MODEL_FILES if group == "models" else (ROOT / "conf" / group).glob("*.yaml")
    return {file.stem for file in files}


def test_one_stem_everywhere(tmp_path: Path) -> None:
    """conf file = entry of params.yaml = name in the list; the code file exists."""
    every = [f"{group}=[{','.join(sorted(stems(group)))}]" for group in ("models", "features")]
    content = compose(tmp_path / "params.yaml", every)
    for group in ("models", "features"):
        assert set(content[group]) == stems(group)
        for entry in content[group].values():
            code = ROOT / "src" / "reelbench" / group / entry["code"]
            assert code.exists()
            module = entry["_target_"].rpartition(".")[0]
            file = ROOT / "src" / module.replace(".", "/")
            assert code.with_suffix("") in (file, *file.parents)
            # a model that is made of others depends on the whole folder, and no other one does
            members = {"raters", "base"} & set(entry)
            assert (code == ROOT / "src" / "reelbench" / group) == bool(members)
    assert set(content["inputs"]) == set(content["models"])


def test_only_models_of_publications_are_out_of_the_default_list() -> None:
    """They wait for a preset that asks for them; every other model is trained by default."""
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    assert stems("features") - set(content["features"]) <= OF_ENCODERS
    others = stems("models") - set(content["models"]) - ON_REQUEST
    for name in others:
        section = yaml.safe_load((ROOT / f"conf/models/{name}.yaml").read_text(encoding="utf-8"))
        commons = {f"_published@models.{name}", f"_reranked@models.{name}"}
        assert commons & set(section["defaults"]), name


@pytest.mark.parametrize("choice", sorted(CHOICES))
def test_a_choice_of_models_can_be_added_to(tmp_path: Path, choice: str) -> None:
    named = yaml.safe_load((ROOT / f"conf/models/{choice}.yaml").read_text(encoding="utf-8"))
    content = compose(tmp_path / "params.yaml", [f"models={choice}"])
    assert list(content["models"]) == list(content["inputs"]) == named["defaults"]
    content = compose(tmp_path / "params.yaml", [f"models=[{choice},global_mean]"])
    assert list(content["models"]) == [*named["defaults"], "global_mean"]


def test_what_is_reranked_is_the_row_itself(tmp_path: Path) -> None:
    content = compose(tmp_path / "params.yaml", ["models=reranked"])
    rows = {k: v for k, v in content["models"].items() if v["_target_"].endswith("Rerank")}
    assert len(rows) == 6
    for section in rows.values():
        assert section["base"] == {section["seed_of"]: content["models"]["ials"]}


def test_override_reaches_the_file(tmp_path: Path) -> None:
    content = compose(tmp_path / "params.yaml", ["models.svd.factors=7", "split=random"])
    assert content["models"]["svd"]["factors"] == 7
    assert content["split"]["name"] == "random"


def test_an_override_adds_a_column_of_a_file(tmp_path: Path) -> None:
    columns = "{item_id: movieId, title_raw: title, genres: genres, year: y}"
    overrides = ["data=csv", f"data.read.tables.items.columns={columns}"]
    content = compose(tmp_path / "params.yaml", overrides)
    assert content["data"]["read"]["tables"]["items"]["columns"]["year"] == "y"


def test_small_numbers_stay_numbers(tmp_path: Path) -> None:
    content = compose(tmp_path / "params.yaml", ["models.svd.learning_rate=1e-5"])
    assert content["models"]["svd"]["learning_rate"] == 1e-5


def test_an_override_of_an_unknown_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="factorz"):
        compose(tmp_path / "params.yaml", ["models.svd.factorz=7"])


def test_a_typo_in_conf_is_named_and_leaves_params_alone(tmp_path: Path) -> None:
    output = tmp_path / "params.yaml"
    with pytest.raises(ParamsError, match=r"conf/models/svd.yaml: unknown key 'factorz'.*factors"):
        compose(output, ["+models.svd.factorz=7"])
    assert not output.exists()


def test_an_unknown_top_level_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"conf/config.yaml: unknown key 'sede'.*'seed'"):
        compose(tmp_path / "params.yaml", ["+sede=7"])


def test_an_unknown_block_of_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"conf/models/dnn.yaml: no feature block 'genre'"):
        compose(tmp_path / "params.yaml", ["models.dnn.features=[genre]"])


def test_an_unknown_similarity_and_a_password_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ParamsError, match="similarity: no feature block 'txt'; did you mean 'text'"
    ):
        compose(tmp_path / "params.yaml", ["evaluate.similarity=txt"])
    for address in ("http://me:s3cret@host", "'http://me:s3 cret@host'", "http://me:s3cret@ho st{"):
        with pytest.raises(ParamsError) as caught:
            compose(tmp_path / "params.yaml", [f"tracking.uri={address}"])
        assert "cret" not in str(caught.value) and not (tmp_path / "params.yaml").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a: [1\n", "line 2: did not find"),
        (b"a: \xe9\n", "line 1: not text in UTF-8"),
        (b"a: 1\na: 2\n", "line 2: the key 'a' stands there twice"),
        (b"- a\n", "line 1: it is a list"),
        (b"=======\n", "line 1: an unresolved conflict"),
        (b"a: !!python/name:os.system\n", "line 1: could not determine"),
    ],
)
def test_a_file_of_conf_that_is_no_yaml_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, told: str
) -> None:
    (tmp_path / "conf" / "models").mkdir(parents=True)
    (tmp_path / "conf" / "config.yaml").write_bytes(b"seed: 1\n")
    (tmp_path / "conf" / "models" / "svd.yaml").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParamsError, match=f"conf/models/svd.yaml, {told}.*: mend the file"):
        compose()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "tracking.champion=ndgc_at_10",
            "tracking.champion: unknown metric 'ndgc_at_10'; did you mean",
        ),
        (
            "+gate.tolerances.rsme=0.1",
            "gate.tolerances.rsme: unknown metric 'rsme'; did you mean 'rmse'",
        ),
        ("tune.objective=ndcg", "tune.objective: unknown metric 'ndcg'; did you mean 'ndcg_at_10'"),
        ("tracking.champion=popularity_lift_at_10", "'popularity_lift_at_10' cannot tell a better"),
    ],
)
def test_an_unknown_metric_is_refused_with_the_nearest(
    tmp_path: Path, override: str, message: str
) -> None:
    with pytest.raises(ParamsError, match=re.escape(message)):
        compose(tmp_path / "params.yaml", [override])


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("data.root=/a#b", "put quotes around the value"),
        ("evaluate=3", "is not a container"),
        ("data=null", "must be a string or a list"),
        ("data=nope", "Could not find 'data/nope' Available options"),
        ("features=null", "must be a string or a list"),
        ("search=null", "params.search: Input should be a valid dictionary, got None"),
        ("evaluate.k=[1000000000]", "evaluate.k: a list of 1,000,000,000 movies is longer"),
        ("models.svd._target_=os.system", "'os.system' is not in reelbench.models"),
        ("models.svd._target_=reelbench.models.svd.No", "there is no 'reelbench.models.svd.No'"),
    ],
)
def test_an_override_that_makes_no_parameters_is_one_sentence(
    tmp_path: Path, override: str, told: str
) -> None:
    with pytest.raises(ParamsError, match=re.escape(told)) as caught:
        compose(tmp_path / "params.yaml", [override])
    assert "\n" not in str(caught.value)


def test_an_unknown_fault_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="no fault 'drop_cold'; did you mean 'drop_cold_items'"):
        compose(tmp_path / "params.yaml", ["faults=[drop_cold]"])
