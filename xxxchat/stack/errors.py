"""What stops a launcher. The text is for the person at the terminal."""


class StackError(Exception):
    """The stack cannot start, or a part of it ended by itself. The text says which part and what to do."""


class StopAsked(Exception):
    """A signal asked the launcher to stop while it was still starting."""
