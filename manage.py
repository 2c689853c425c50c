#!/usr/bin/env python
"""Django's command line for this project."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xxxchat.settings")
    from django.core.management import execute_from_command_line

    from xxxchat.environment import WrongSettings

    try:
        execute_from_command_line(sys.argv)
    except WrongSettings as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
