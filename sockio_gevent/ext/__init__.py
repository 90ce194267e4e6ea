"""Support for single frameworks and libraries; none of them has to be installed."""
