"""Hypothesis without a clock: how long examples take says nothing on a busy machine."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "undisturbed", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("undisturbed")
