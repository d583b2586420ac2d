"""What the fields of a request say: the model, the text, the story, the options; each is checked as it is read."""

from __future__ import annotations

import math
import secrets
from typing import Any

from reasondiff.errors import InputError
from reasondiff.jobs.inputs import clean_prompt
from reasondiff.jobs.request import MAX_FRAMES, MAX_SEED
from reasondiff.narrative import Narrative
from reasondiff.server.api.forms import Fields, refusal
from reasondiff.server.served import OPTIONS, Served
from reasondiff.server.service import Service
from reasondiff.web.refusal import Refusal

__all__ = [
    "read_model",
    "read_narrative",
    "read_options",
    "read_prompt",
    "read_seed",
    "read_webhook",
]


def read_model(fields: Fields, service: Service) -> Served:
    """The model that is named, or the default.

    Raises:
        Refusal: it is not served here; as of all functions here, it names the field.
    """
    name = fields.text("model", 200)
    if name is None:
        return service.default
    if name not in service.served:
        raise Refusal(
            404, f"The model {name[:80]!r} is not served here; GET /v1/models names those that are.",
            code="model_not_found", param="model",
        )  # fmt: skip
    return service.served[name]


def read_prompt(fields: Fields, service: Service) -> str:
    """The text without control characters; may be empty."""
    try:
        return clean_prompt(fields.text("prompt", service.limits.prompt) or "")
    except InputError as error:
        raise refusal("prompt", str(error)) from None


def read_narrative(fields: Fields, service: Service) -> Narrative | None:
    """The story; None where there is none."""
    if (data := fields.json("narrative")) is None:
        return None
    try:
        story = Narrative.from_dict(data)
    except InputError as error:
        raise refusal("narrative", str(error), "invalid_narrative") from None
    if len(story.clips) > service.limits.clips or story.num_frames > MAX_FRAMES:
        raise refusal("narrative", f"The story has more than {service.limits.clips:,} clips; merge some.")
    return story


def read_options(fields: Fields, served: Served) -> dict[str, Any]:
    """The options of a video that are given, by their names in ``VideoRequest``."""
    found = {name: fields.option(each) for name, each in OPTIONS.items()}
    options = {name: value for name, value in found.items() if value is not None}
    if (position := fields.option(OPTIONS["position"], "anchor_position")) is not None:
        options.setdefault("position", position)
    sides = [fields.number(name, int) for name in ("width", "height")]
    if sides != [None, None]:
        if None in sides or "size" in options:
            raise refusal("size", "Give 'size', or 'width' and 'height'.")
        options["size"] = f"{sides[0]}x{sides[1]}"
    seconds = fields.number("seconds", float)
    if seconds is not None:
        if "num_frames" in options:
            raise refusal("seconds", "Give 'seconds' or 'num_frames', not both.")
        if not math.isfinite(seconds) or not 0 < seconds <= 3600:
            raise refusal("seconds", f"{seconds} seconds make no video; give a positive number.")
        options["num_frames"] = served.frames_in(seconds)
    for name, value in options.items():
        try:
            OPTIONS[name].check(value)
        except InputError as error:
            raise refusal(name, str(error)) from None
    return options


def read_seed(fields: Fields) -> int:
    """The seed; drawn where none is given."""
    seed = fields.number("seed", int)
    if seed is None:
        return secrets.randbelow(MAX_SEED + 1)
    if not 0 <= seed <= MAX_SEED:
        raise refusal("seed", f"The seed {seed} is outside 0..2^32-1; give one in that range.")
    return int(seed)


def read_webhook(fields: Fields, service: Service) -> str | None:
    """Who is to be told; None where nobody is."""
    from reasondiff.server.webhooks import check_url

    if (url := fields.text("webhook_url", 2000)) is None:
        return None
    if service.webhook_secret is None:
        raise refusal("webhook_url", "This server tells nobody; REASONDIFF_WEBHOOK_SECRET is not set there.")
    try:
        check_url(url, service.webhook_hosts)
    except InputError as error:
        raise refusal("webhook_url", str(error)) from None
    return url
