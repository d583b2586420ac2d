"""One thread and no deadlines: the tests say what is true, not how fast."""

from __future__ import annotations

import torch
from hypothesis import HealthCheck, settings

torch.set_num_threads(1)
settings.register_profile("reasondiff", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("reasondiff")
