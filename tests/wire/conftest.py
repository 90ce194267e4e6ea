"""Hypothesis without deadlines: on a busy machine, the time of an example says nothing."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "undisturbed", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("undisturbed")
