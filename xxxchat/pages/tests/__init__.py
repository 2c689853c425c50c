"""Tests of the pages without a browser: forms, refusals, who sees what, how many statements."""
