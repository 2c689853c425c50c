"""What stops a launcher. The text is for the person at the terminal."""


class StackError(Exception):
    """The stack cannot start, or a part of it ended by itself. The text names the part and what to do."""


class StopRequested(Exception):
    """A signal to stop arrived."""
