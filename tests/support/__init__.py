"""What the tests share: servers in processes, and small clients after the protocol page."""
