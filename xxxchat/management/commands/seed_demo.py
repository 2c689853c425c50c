"""`manage.py seed_demo`: the demo world. Refuses outside demo mode; a second run changes nothing."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from core.db import command
from xxxchat import demo_links, demo_world
from xxxchat.reference_data import seed_reference


class Command(BaseCommand):
    help = "Make the demo world: users, performers, staff, their tokens and menus."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.APP_MODE not in ("demo", "test"):
            raise CommandError("The demo world is for APP_MODE=demo; this is production.")
        seed_reference()
        command(demo_world.make)
        for line in demo_links.link_buyers():
            self.stdout.write(line)
        self.stdout.write("The demo world is there.")
