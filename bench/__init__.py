"""Load over real HTTP, beside a yardstick on the same server in the same run. See README.md."""
