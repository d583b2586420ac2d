"""Every option stands in one place: what is derived from it agrees, and a new one turns up everywhere."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import jsonschema
import pytest
import typer
from typer.testing import CliRunner

from reasondiff.cli.generate import generate
from reasondiff.cli.options import takes_request
from reasondiff.errors import InputError
from reasondiff.jobs.options import option, options_of
from reasondiff.jobs.record import recorded_options, request_of
from reasondiff.jobs.request import VideoRequest
from reasondiff.pipeline.settings import Options, Settings
from tests.jobs.conftest import record

IMAGE = Path("a.png")
SCHEMA = VideoRequest.json_schema()


@dataclass(frozen=True, kw_only=True)
class Grainy(VideoRequest):
    """A request with one option more, as if it had been added today."""

    film_grain: float = option(
        0.0, help="How grainy the film is.", group="video", metavar="X", minimum=0, maximum=1, replayed=True
    )


def as_json(request: VideoRequest) -> dict[str, Any]:
    known = options_of(type(request))
    return {name: each.write(getattr(request, name)) for name, each in known.items()}


def test_a_new_option_turns_up_everywhere() -> None:
    app = typer.Typer()
    app.command()(takes_request(request=Grainy)(generate.__wrapped__))
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output
    assert "--film-grain" in shown and "How grainy the film is." in shown
    assert Grainy.json_schema()["properties"]["film_grain"] == {
        "type": "number", "description": "How grainy the film is.", "default": 0.0, "minimum": 0, "maximum": 1,
        "x-group": "video",
    }  # fmt: skip
    written = recorded_options(Grainy(image=IMAGE, film_grain=0.25))
    assert written["film_grain"] == 0.25
    assert request_of(record(film_grain=0.25), IMAGE, Grainy).film_grain == 0.25
    assert request_of(record(), IMAGE, Grainy).film_grain == 0.0  # of a video that was made before
    with pytest.raises(InputError, match="impossible 'film_grain'"):
        request_of(record(film_grain=2.0), IMAGE, Grainy)
    with pytest.raises(InputError, match=r"2\.0 is no film grain; give 0 to 1"):
        Grainy(image=IMAGE, film_grain=2.0)


def test_the_schema_is_one_and_its_defaults_are_the_options() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    plain = VideoRequest(image=IMAGE)
    jsonschema.validate(as_json(plain), SCHEMA)
    defaults = {name: each["default"] for name, each in SCHEMA["properties"].items() if "default" in each}
    assert VideoRequest.from_json({"image": "a.png", **defaults}) == plain == VideoRequest.from_json({"image": "a.png"})
    assert SCHEMA["required"] == ["image"]


BAD: list[tuple[str, Any]] = [
    ("prompt", "cat " * 1001),
    ("position", 0),
    ("anchor", "middle"),
    ("device", "tpu"),
    ("num_frames", 0),
    ("num_frames", 10**9),
    ("num_inference_steps", 0),
    ("num_inference_steps", 10**9),
    ("guidance_scale", -1.0),
    ("guidance_scale_2", 1e300),
    ("guidance_stop", 1.5),
    ("max_sequence_length", 0),
    ("seed", -1),
    ("seed", 2**32),
    ("size", "big"),
    ("size", "0x64"),
    ("size", "100000x64"),
    ("fit", "fill"),
    ("text_mode", "owner"),
    ("fps", 0.0),
    ("fps", 0.0001),
    ("fps", 1e6),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_the_schema_refuses_what_a_request_refuses_and_what_the_command_line_refuses(
    name: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError) as caught:
        VideoRequest(image=IMAGE, **{name: value})
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"image": "a.png", name: value}, SCHEMA)
    app = typer.Typer()

    @app.command()
    @takes_request()
    def run(request: VideoRequest) -> None:
        raise AssertionError("it was not refused")

    flag = options_of(VideoRequest)[name].about.flag or f"--{name.replace('_', '-')}"
    ran = CliRunner().invoke(app, ["--image", "a.png", f"{flag}={value}"])
    assert isinstance(ran.exception, InputError) and str(ran.exception) == str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", "1"),
        ("seed", True),
        ("seed", 1.5),
        ("fps", "5"),
        ("prompt", 3),
        ("embed", 1),
        ("image", 3),
        ("fit", None),
    ],
)
def test_another_type_is_refused_by_both(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=r"give "):
        VideoRequest.from_json({"image": "a.png", name: value})
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"image": "a.png", name: value}, SCHEMA)


@pytest.mark.parametrize(
    ("data", "message"),
    [({}, "The request has no 'image'; give one."), ({"image": "a", "mood": 1}, "There is no option 'mood'; the")],
)
def test_unknown_and_missing_keys(data: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        VideoRequest.from_json(data)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, SCHEMA)


def test_not_a_number_is_refused() -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises(InputError, match="guidance scale is"):
            VideoRequest(image=IMAGE, guidance_scale=value)


def test_a_server_offers_nothing_that_names_a_place_on_its_machine() -> None:
    shown = VideoRequest.json_schema(local=False)["properties"]
    assert {"prompt", "seed", "num_frames", "size", "text_mode", "preset"} <= set(shown)
    kinds = {name: each.kind for name, each in options_of(VideoRequest).items()}
    assert not {name for name in shown if kinds[name] is Path}
    assert not {"model", "adapter", "revision", "narrator", "narrator_url", "device"} & set(shown)


def test_the_choices_are_the_pipelines() -> None:
    settings, ours = get_type_hints(Settings), options_of(VideoRequest)
    for name in ("fit", "text_mode"):
        assert ours[name].choices == get_args(settings[name])
        assert ours[name].default == Settings.__dataclass_fields__[name].default


def test_every_setting_of_the_pipeline_is_an_option() -> None:
    reached = set(options_of(VideoRequest))
    several = {"num_videos_per_prompt"}  # a request is for one
    assert set(Options.__annotations__) - reached == {"width", "height"} | several


def test_every_option_is_described() -> None:
    for name, each in options_of(VideoRequest).items():
        assert each.help.endswith("."), name
        assert each.kind in (bool,) or each.about.metavar, name
        assert each.default is MISSING or each.default is None or each.read(each.write(each.default)) == each.default


def test_sizes() -> None:
    assert VideoRequest(image=IMAGE).width_and_height is VideoRequest(image=IMAGE).area is None
    wide = VideoRequest(image=IMAGE, size="832x480")
    assert (wide.width_and_height, wide.area) == ((832, 480), None)
    square = VideoRequest(image=IMAGE, size="512")
    assert (square.width_and_height, square.area) == (None, 512**2)
    assert [request.job()["height"] for request in (wide, square)] == [480, 512]


@pytest.mark.parametrize("module", ["reasondiff.jobs.request", "reasondiff.jobs.session", "reasondiff.jobs.record"])
def test_importing_a_job_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}\nprint(*(name for name in sys.modules if name in ('torch', 'numpy', 'PIL', 'rich')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []


def test_a_request_as_json_and_back() -> None:
    asked = VideoRequest(image=IMAGE, prompt="A cat plays.", narrative=Path("b.json"), fps=12.5, size="64x48", seed=7)
    assert VideoRequest.from_json(json.loads(json.dumps(as_json(asked)))) == asked
