"""``reasondiff train``: what is printed before anything is trained, and what is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file

from reasondiff.checkpoints import find_model, weight_hashes
from reasondiff.errors import InputError
from reasondiff.pipeline import ReasonDiffPipeline
from reasondiff.recipes import recipe
from reasondiff.recipes.base import Recipe
from reasondiff.recipes.components import LoraOptions
from reasondiff.recipes.resume import check_resume, run_record
from reasondiff.recipes.storyworld_tiny import BASE as BASE_RECIPE
from reasondiff.recipes.storyworld_tiny import QUICK, STAGE1
from reasondiff.training.stages.flow import FlowOptions

BASE = ("train", "--recipe", "storyworld-tiny/base", "--dry-run")


def test_a_dry_run_prints_the_configuration_with_what_was_asked_for(reasondiff: Callable) -> None:
    plain = json.loads(reasondiff(*BASE).out)
    asked = json.loads(reasondiff(*BASE, "--batch", "3", "--compile", "--steps", "7").out)
    assert not plain["flow"]["compile"]
    plain["flow"].update(batch=3, compile=True)
    plain["optimization"].update(steps=7)
    assert asked == plain


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((*BASE, "--batch", "0"), "A batch of 0 trains nothing; give 1 or more."),
        ((*BASE, "--steps", "0"), "0 steps train nothing; give 1 or more."),
        ((*BASE, "--threads", "0"), "0 CPU threads cannot compute; give 1 to 1024."),
        (("train", "--recipe", "storyworld-tiny/oracle", "--compile"), "storyworld-tiny/oracle takes no --compile"),
        (("train", "--recipe", "storyworld-tiny/stage2", "--from-weights", "there"), "stage2 takes no --from-weights"),
        (("train", "--recipe", "storyworld-tiny/vae", "--batch", "4"), "storyworld-tiny/vae takes no --batch"),
        (("train", "--recipe", "storyworld-tiny/stage3"), "storyworld-tiny/stage2"),
        (("train", "--recipe", "storyworld-tiny/vae"), "name it with --model, such as --model mine."),
        (("train",), "A recipe is missing; give --recipe, one of storyworld-tiny/quick, "),
        ((*BASE, "--keep-last", "0"), "With the last 0 checkpoints kept no run goes on; give 1 or more."),
        (
            (*BASE, "--track", "mlflow"),
            "There is no tracker 'mlflow'; give one of tensorboard, wandb, trackio",
        ),
        ((*BASE, "--push", "owner/base"), "and no adapter to publish; leave --push out."),
        (
            ("train", "--recipe", "storyworld-tiny/quick", "--push", "tales"),
            "'tales' is no name on the hub;",
        ),
        ((*BASE, "--workers", "-1"), "-1 worker processes cannot draw; give 0 to 256."),
    ],
)
def test_what_no_recipe_takes_is_refused(refused: Callable, arguments: tuple[str, ...], told: str) -> None:
    assert told in refused(*arguments)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with models in which something is missing, and a file where a folder should be."""
    monkeypatch.chdir(tmp_path)
    whole = Path(find_model("storyworld-tiny"))
    shutil.copytree(whole / "vae", "only-vae/vae")
    for name, missing in (("no-vae", "vae"), ("no-alignformer", "alignformer")):
        shutil.copytree(whole, name, ignore=shutil.ignore_patterns(missing, "narrator"))
    index = json.loads(Path("no-alignformer/model_index.json").read_text())
    Path("no-alignformer/model_index.json").write_text(json.dumps(index | {"alignformer": [None, None]}))
    shutil.copytree(whole / "vae", "damaged/vae")
    Path("damaged/vae/config.json").write_text("{")
    Path("file").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("base", ("--model", "no-vae"),
         "There is no 'no-vae/vae'; train storyworld-tiny/vae first, or give another --model."),
        ("refine", ("--model", "none"), "There is no 'none/vae'; train storyworld-tiny/vae first"),
        ("base", ("--model", "damaged"), "The model 'damaged' cannot be loaded ("),
        ("base", ("--model", "only-vae", "--from-weights", "no-vae/there"),
         "There is no 'no-vae/there/transformer' to begin with; leave --from-weights out."),
        ("narrator", ("--model", "none", "--from-weights", "only-vae"),
         "There is no 'only-vae/narrator' to begin with; leave --from-weights out."),
        ("oracle", ("--model", "no-vae"),
         "'no-vae' is a pipeline's folder; give storyworld-tiny/oracle one of its own as --model."),
        ("stage1", ("--model", "only-vae"),
         "There is no 'only-vae/model_index.json'; train storyworld-tiny/base first, or give another --model."),
        ("stage1", ("--model", "no-vae"), "The model 'no-vae' lacks its 'vae' folder"),
        ("stage1", ("--model", "no-alignformer", "--from-weights", "no-alignformer"),
         "There is no 'no-alignformer/alignformer' to begin with; leave --from-weights out."),
        ("stage2", ("--model", "none"), "There is no 'none/model_index.json'; train storyworld-tiny/base first"),
        ("stage2", ("--model", "no-alignformer"), "train the first pass from nothing"),
        ("vae", ("--model", "m", "--device", "foo"), "The device 'foo' is not in this machine; give cpu"),
        ("vae", ("--model", "m", "--device", "cuda:99"), "The device 'cuda:99' is not in this machine; give cpu"),
        ("vae", ("--model", "m", "--runs", "file/runs"),
         "--runs 'file/runs/storyworld-tiny/vae' cannot be written into"),
        ("vae", ("--model", "file"), "--model 'file' cannot be written into; choose another place."),
        ("base", ("--model", "m", "--cache", "file/cache"),
         "--cache 'file/cache' cannot be written into; choose another place."),
        ("vae", ("--model", "m", "--runs", "long" * 99),
         "longlong/storyworld-tiny/vae' cannot be written into; choose another place."),
    ],
)  # fmt: skip
def test_what_a_run_cannot_do_without_is_missed_before_it_begins(
    refused: Callable, here: Path, name: str, arguments: tuple[str, ...], told: str
) -> None:
    before = sorted(here.rglob("*"))
    assert told in refused("train", "--recipe", f"storyworld-tiny/{name}", *arguments)
    assert sorted(here.rglob("*")) == before


def begun(plan: Recipe, model: Path = Path("model")) -> Path:
    """A run of a recipe, with a checkpoint."""
    run = Path("runs") / plan.name
    (run / "checkpoints" / "000100").mkdir(parents=True)
    (run / "recipe.json").write_text(json.dumps(run_record(plan, model)))
    return run


def test_a_run_does_not_go_on_with_other_settings(
    refused: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    narrow = replace(STAGE1, lora=LoraOptions(r=8), beta=0.5)
    record = begun(narrow) / "recipe.json"
    before = record.read_bytes()
    stage1 = ("train", "--recipe", "storyworld-tiny/stage1", "--model", find_model("storyworld-tiny"))
    assert refused(*stage1) == (
        "The run in 'runs/storyworld-tiny/stage1' was begun with lora.r = 8, not 32; beta = 0.5, not 0.0; "
        "give what it was begun with, or begin anew with another --runs."
    )
    assert record.read_bytes() == before
    told = json.loads(before)
    del told["optimization"]["shard_weights"]  # as a run of before there was the option has it
    record.write_text(json.dumps(told))
    assert "shard_weights" not in refused(*stage1)
    asked = (*stage1, "--set", "optimization.shard_weights=true")
    assert "optimization.shard_weights = false, not true" in refused(*asked)
    begun(recipe("storyworld-tiny/oracle"))
    oracle = ("train", "--recipe", "storyworld-tiny/oracle", "--model", "oracle")
    record = Path("runs/storyworld-tiny/oracle/recipe.json")
    whole = record.read_text()
    record.write_text(whole.replace('"seed": 0', '"seed": 7'))
    assert "was begun with optimization.seed = 7, not 0;" in refused(*oracle)
    record.write_text(whole.replace('"version": 2, ', ""))
    assert refused(*oracle) == (
        "The run in 'runs/storyworld-tiny/oracle' is of another version; begin anew with another --runs."
    )
    for text in ("{", "[]", '{"settings": {}}'):
        record.write_text(text)
        assert "oracle/recipe.json' is damaged; restore it" in refused(*oracle)


def test_a_run_may_go_on_for_longer_or_faster_and_a_folder_without_a_checkpoint_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = Path("model")
    run = begun(replace(BASE_RECIPE, flow=FlowOptions(batch=3, compile=True), clips=10))
    longer = replace(BASE_RECIPE, optimization=replace(BASE_RECIPE.optimization, steps=99))
    check_resume(longer, run, model)
    check_resume(longer, Path("runs/none"), model)
    (run / "checkpoints" / "000100").rmdir()
    check_resume(STAGE1, run, model)


def test_a_run_does_not_go_on_upon_other_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for part in ("vae", "transformer", "text_encoder", "alignformer"):
        Path("model", part).mkdir(parents=True)
        Path("model", part, "x.safetensors").write_bytes(part.encode())
    model = Path("model")
    run = begun(STAGE1)
    Path("model/alignformer/x.safetensors").write_bytes(b"its own")
    check_resume(STAGE1, run, model)
    Path("model/transformer/x.safetensors").write_bytes(b"another base")
    with pytest.raises(InputError, match=r"was begun on another transformer/x.safetensors than 'model' has now"):
        check_resume(STAGE1, run, model)


def test_a_run_goes_on_by_the_same_command(
    reasondiff: Callable, refused: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With phases and a precision, whose tuples and numbers come back from JSON as other types."""
    monkeypatch.chdir(tmp_path)
    command = ("train", "--recipe", "storyworld-tiny/vae", "--model", "model", "--minutes", "0", "--device", "cpu")
    for steps in (1, 2):
        ran = reasondiff(*command)
        assert ran.code == 0 and ran.out.startswith(f"{steps} of 5700 steps are done"), ran
    assert json.loads(Path("runs/storyworld-tiny/vae/recipe.json").read_text())["optimization"]["steps"] == 5700


def test_a_dry_run_can_be_fed_back_and_so_can_a_runs_record(reasondiff: Callable, tmp_path: Path) -> None:
    printed = reasondiff(*BASE, "--set", "optimization.lr=1e-4", "--batch", "3")
    file = tmp_path / "recipe.json"
    file.write_text(printed.out)
    assert reasondiff("train", "--config", file, "--dry-run").out == printed.out
    file.write_text(json.dumps(run_record(BASE_RECIPE, tmp_path)))
    assert json.loads(reasondiff("train", "--config", file, "--dry-run").out) == BASE_RECIPE.to_dict()
    file.write_text('{"recipe": "storyworld-tiny/base", "flow": {"batch": 5}}')
    again = json.loads(reasondiff("train", "--config", file, "--dry-run", "--batch", "6").out)
    assert again["flow"] == {**BASE_RECIPE.to_dict()["flow"], "batch": 6}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "' is not JSON ("),
        ("[]", "' is not an object; give what --dry-run printed."),
        ('{"recipe": "storyworld-tiny/vae"}', "' is of 'storyworld-tiny/vae', not of 'storyworld-tiny/base'"),
        ('{"settings": {}}', "There is no 'settings' in this recipe;"),
        ('{"optimization": {"lr": "1"}}', 'optimization.lr cannot be "1"; give a number.'),
        ('{"optimization": 3}', "optimization cannot be 3; give an object."),
        (None, "' cannot be read: No such file or directory; give another --config."),
    ],
)
def test_a_configuration_that_cannot_be_read_is_refused(
    refused: Callable, tmp_path: Path, text: str | None, told: str
) -> None:
    file = tmp_path / "config.json"
    if text is not None:
        file.write_text(text)
    assert told in refused(*BASE, "--config", file)


def test_the_quick_recipe_leaves_the_shipped_weights_and_writes_an_adapter(
    reasondiff: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = weight_hashes(find_model("storyworld-tiny"))
    command = ("train", "--recipe", "storyworld-tiny/quick", "--model", "mine", "--device", "cpu")
    ran = reasondiff(*command, "--set", "validation_cases=1")
    assert ran.code == 0, ran
    assert ran.out == "Finished; adapter.json, alignformer, pytorch_lora_weights.safetensors are in mine.\n"
    assert weight_hashes(find_model("storyworld-tiny")) == shipped
    steps = [json.loads(row)["step"] for row in Path("runs/storyworld-tiny/quick/log.jsonl").read_text().splitlines()]
    assert steps == [5, 5]  # the losses, the validation
    assert set(QUICK.exports) <= {path.name for path in Path("mine").iterdir()}
    pipe = ReasonDiffPipeline.from_pretrained(find_model("storyworld-tiny"))
    pipe.load_adapter("mine")  # one that does not fit is refused
    card = Path("mine/README.md").read_text(encoding="utf-8")
    assert "reasondiff train --recipe storyworld-tiny/quick --model mine --device cpu" in card
    assert {"curve.png", "validation.png"} <= {path.name for path in Path("mine").iterdir()}
    assert json.loads(Path("mine/adapter.json").read_text())["recipe"]["recipe"] == "storyworld-tiny/quick"
    exported = reasondiff("export", "mine", "-o", "lora.safetensors")
    assert exported.code == 0 and "tensors for ComfyUI" in exported.out
    assert all(name.startswith("diffusion_model.blocks.") for name in load_file("lora.safetensors"))


def test_an_adapter_does_not_take_the_place_of_other_files(
    refused: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    Path("mine", "thesis.txt").write_text("kept")
    told = refused("train", "--recipe", "storyworld-tiny/quick", "--model", "mine")
    assert told == "'mine' holds other files than an adapter; give one of its own as --model."


@pytest.mark.parametrize(
    ("native", "given", "told", "computed"),
    [
        (True, (), "Computes in bf16 on cpu, which has it.", "bf16"),
        (False, (), "Computes in fp32 on cpu, which has no bf16 of its own.", "fp32"),
        (True, ("--precision", "fp32"), "Computes in fp32 on cpu as was set.", "fp32"),
        (False, ("--precision", "bf16"), "Computes in bf16 on cpu as was set, which has none of its own and", "bf16"),
    ],
)
def test_the_command_says_and_records_what_it_computes_in(
    reasondiff: Callable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    native: bool,
    given: tuple[str, ...],
    told: str,
    computed: str,
) -> None:
    monkeypatch.setattr("reasondiff.backends.precision._cpu", lambda: {"avx512_bf16": native})
    monkeypatch.chdir(tmp_path)
    command = ("train", "--recipe", "storyworld-tiny/vae", "--model", "model", "--minutes", "0", "--device", "cpu")
    ran = reasondiff(*command, *given)
    assert ran.code == 0 and told in ran.err, ran
    record = json.loads(Path("runs/storyworld-tiny/vae/recipe.json").read_text())
    assert (record["device"], record["computed_in"]) == ("cpu", computed)
    assert record["optimization"]["precision"] == (given[1] if given else "auto")
    if computed == "bf16" and not given:  # another way, the same run
        assert reasondiff(*command, "--precision", "fp32").out.startswith("2 of 5700 steps")


def test_another_precision_is_refused(refused: Callable) -> None:
    told = refused("train", "--recipe", "storyworld-tiny/base", "--precision", "fp16", "--dry-run")
    assert told == 'optimization.precision cannot be "fp16"; give one of auto, bf16, fp32.'


def test_a_mistyped_recipe_is_refused_before_torch_is_imported() -> None:
    code = (
        "import sys\n"
        "from reasondiff.errors import InputError\n"
        "from reasondiff.recipes import resolve\n"
        "try:\n"
        "    resolve('storyworld-tiny/stage9')\n"
        "except InputError:\n"
        "    sys.exit('torch' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
