from django.apps import AppConfig


class PerfqueueConfig(AppConfig):
    name = "perfqueue"
    verbose_name = "Performance queue"
