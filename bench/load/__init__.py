"""The load process: drives one server in one scenario, and checks all that comes back."""
