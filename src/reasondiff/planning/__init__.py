"""What a model will need and how long it will take, before anything is downloaded.

    model = architecture("wan2.1-i2v-14b-480p")
    planned = plan(model, preset("balanced"), Job(num_frames=81))
    planned.memory, planned.seconds(GPUS[0])

Closed forms only; torch is not imported.
"""

from __future__ import annotations

from reasondiff.planning.architecture import Architecture, architecture
from reasondiff.planning.gpus import GPUS, Gpu
from reasondiff.planning.machine import Machine, this_machine
from reasondiff.planning.plan import Plan, fitting_preset, job_of, plan, smallest_card
from reasondiff.planning.stages import Job, Stage

__all__ = [
    "GPUS",
    "Architecture",
    "Gpu",
    "Job",
    "Machine",
    "Plan",
    "Stage",
    "architecture",
    "fitting_preset",
    "job_of",
    "plan",
    "smallest_card",
    "this_machine",
]
