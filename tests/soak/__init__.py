"""What is too long for every run: more stories, more processes. `make soak`; the result file lists what was run."""
