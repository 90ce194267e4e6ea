"""What certain frameworks need; none of them has to be installed."""
