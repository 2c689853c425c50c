"""Every setting of the project. Values come from the environment; `.env.example` lists each with its unit.

`APP_MODE` is how strict start-up is: `production` (default) refuses weak or missing values, `demo` and `test`
may shorten timers, switch limits off and shift the clock.
"""

import base64
from datetime import timedelta
from pathlib import Path

import environ
from celery.schedules import crontab
from django.core.exceptions import ImproperlyConfigured

from xxxchat import theme

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

APP_MODE = env.str("APP_MODE", "production")
if APP_MODE not in {"production", "demo", "test"}:
    raise ImproperlyConfigured(f"APP_MODE is {APP_MODE!r}; production, demo or test are known.")
RELAXED = APP_MODE != "production"

DEBUG = False
SECRET_KEY = env.str("SECRET_KEY", "test-only-" + "k" * 60) if APP_MODE == "test" else env.str("SECRET_KEY")
SEED_KEY = base64.b64decode(
    env.str("SEED_KEY", "dGVzdC1vbmx5LXNlZWQta2V5LTMyLWJ5dGVzLWxvbmc=") if APP_MODE == "test" else env.str("SEED_KEY")
)
if len(SEED_KEY) != 32:
    raise ImproperlyConfigured("SEED_KEY must be 32 bytes in base64.")
PAYMENT_WEBHOOK_SECRETS = [
    each.strip()
    for each in env.list("PAYMENT_WEBHOOK_SECRETS", default=["demo-only-webhook-secret"] if RELAXED else [])
]
if len(PAYMENT_WEBHOOK_SECRETS) > 2 or any(len(each) < (1 if RELAXED else 32) for each in PAYMENT_WEBHOOK_SECRETS):
    raise ImproperlyConfigured("PAYMENT_WEBHOOK_SECRETS are at most two, each of 32 characters or more.")
SITE_NAME = env.str("SITE_NAME", "ChatNow")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["*"] if RELAXED else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# --- the rules' figures -------------------------------------------------------------------------------------
PLATFORM_FEE_BPS = env.int("PLATFORM_FEE_BPS", 0)
SLOTS_MIN_INTERVAL_MS = env.int("SLOTS_MIN_INTERVAL_MS", 2_500)
SLOTS_SPINS_PER_HOUR = env.int("SLOTS_SPINS_PER_HOUR", 100)
SLOTS_ENABLED = env.bool("SLOTS_ENABLED", True)
TERMS_VERSION = env.int("TERMS_VERSION", 1)
QUEUE_ROPE_DROP_S = env.int("QUEUE_ROPE_DROP_S", 120)
FOUR_EYES_TOKENS = env.int("FOUR_EYES_TOKENS", 5_000)
PAYOUT_MINIMUM = env.int("PAYOUT_MINIMUM", 1_000)
IMPORT_EXPORT_ESCAPE_FORMULAE_ON_EXPORT = True
IMPORT_EXPORT_EXPORT_PERMISSION_CODE = "export"  # an admin class that names no role of its own exports nothing
if FOUR_EYES_TOKENS < 0 or PAYOUT_MINIMUM < 1:
    raise ImproperlyConfigured("FOUR_EYES_TOKENS must be 0 or more, PAYOUT_MINIMUM 1 or more.")
SWEEP_EVERY_S = env.float("SWEEP_EVERY_S", 2.0)
VERIFY_AT_HOUR = env.int("VERIFY_AT_HOUR", 3)
if not 0 <= VERIFY_AT_HOUR <= 23:
    raise ImproperlyConfigured("VERIFY_AT_HOUR is an hour of the day in UTC, 0 to 23.")
LIVE_POLL_MS = env.int("LIVE_POLL_MS", 200)
LIVE_HEARTBEAT_S = env.float("LIVE_HEARTBEAT_S", 15.0)
LIVE_STREAMS = env.int("LIVE_STREAMS", 4_000)
LIVE_STREAMS_PER_PERSON = env.int("LIVE_STREAMS_PER_PERSON", 8)
LIVE_STREAMS_PER_ADDRESS = env.int("LIVE_STREAMS_PER_ADDRESS", 500)
DEMO_PASSWORD = env.str("DEMO_PASSWORD", "demo-only-password")
if not 0 <= PLATFORM_FEE_BPS <= 10_000:
    raise ImproperlyConfigured("PLATFORM_FEE_BPS must lie between 0 and 10000 (basis points).")

# --- applications -------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # the default configuration would replace our admin site
    "unfold.contrib.filters",
    "unfold.contrib.import_export",
    "import_export",
    "xxxchat.apps.BackOfficeConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.humanize",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "csp",
    "django_htmx",
    "xxxchat.apps.CompositionConfig",
    "core",
    "accounts",
    "live",
    "escrow",
    "compliance",
    "perfqueue",
    "menus",
    "slots",
    *env.list("EXTRA_APPS", default=[]),  # development tools such as django_linear_migrations (`make check`)
]
MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "core.middleware.BodyLengthMiddleware",
    "core.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "core.middleware.DrainBodyMiddleware",
    "csp.middleware.CSPMiddleware",
    "accounts.backoffice.site.policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
ROOT_URLCONF = "xxxchat.urls"
WSGI_APPLICATION = "xxxchat.wsgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "xxxchat.pages.shell.shell",
            ]
        },
    }
]

# --- database, broker, cache --------------------------------------------------------------------------------
DATABASES = {"default": env.db("DATABASE_URL")}
DATABASES["default"]["ENGINE"] = "django.db.backends.postgresql"
DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE_S", 600)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"].setdefault("OPTIONS", {})["connect_timeout"] = 5
if env.bool("DATABASE_PREPARED", False):  # the server keeps what it has read and planned of a statement (ADR 0043)
    DATABASES["default"]["OPTIONS"] |= {"server_side_binding": True, "prepare_threshold": 2}
DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True  # PgBouncer in transaction mode must work
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env.str("REDIS_URL")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 60, "socket_connect_timeout": 2, "socket_timeout": 5}
CELERY_TASK_DEFAULT_QUEUE = "xxxchat"
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_REDIRECT_STDOUTS = False  # a traceback would become one log line per character
CELERY_BEAT_SCHEDULE = {
    "sweep-queues": {
        "task": "perfqueue.sweep",
        "schedule": SWEEP_EVERY_S,
        "options": {"expires": max(2 * SWEEP_EVERY_S, 5)},
    },
    "make-spin-partitions": {"task": "slots.make_partitions", "schedule": timedelta(days=1)},
    "verify-recent": {"task": "xxxchat.verify_recent", "schedule": timedelta(minutes=1), "options": {"expires": 60}},
    "verify-all": {"task": "xxxchat.verify_all", "schedule": crontab(hour=VERIFY_AT_HOUR, minute=30)},
    "snapshot-houses": {"task": "escrow.snapshot_houses", "schedule": timedelta(hours=1)},
    "prune-keys": {"task": "core.prune_keys", "schedule": crontab(hour=VERIFY_AT_HOUR, minute=10)},
    "prune-tokens": {"task": "core.prune_tokens", "schedule": crontab(hour=VERIFY_AT_HOUR, minute=20)},
    "prune-events": {"task": "live.prune", "schedule": timedelta(minutes=10), "options": {"expires": 600}},
}

# --- sign-in ------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "/"
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=5),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "UPDATE_LAST_LOGIN": False,
    "CHECK_REVOKE_TOKEN": True,  # a changed password ends every token at once
}
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", 0)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = env.int("SIGN_IN_FAILURES", 10)
if AXES_FAILURE_LIMIT < 1:
    raise ImproperlyConfigured("SIGN_IN_FAILURES must be 1 or more; 0 would lock everybody out.")
AXES_COOLOFF_TIME = timedelta(seconds=env.int("SIGN_IN_LOCK_S", 300))
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_CLIENT_IP_CALLABLE = "accounts.lockout.client_address"
AXES_LOCKOUT_CALLABLE = "accounts.lockout.locked_response"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework_simplejwt.authentication.JWTAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.parsing.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "core.schema.EndpointSchema",
    "EXCEPTION_HANDLER": "core.envelope.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": f"{SITE_NAME} interactive features",
    "DESCRIPTION": "Slot machine, performer menus, performance queue and the escrow under them.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "ENUM_NAME_OVERRIDES": {
        "HoldStatus": "escrow.models.HoldStatus",
        "ItemState": "perfqueue.models.State",
        "PresenceState": "perfqueue.models.Presence",
    },
    "GET_LIB_DOC_EXCLUDES": "core.schema.bases_without_description",
    "APPEND_COMPONENTS": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}},
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# --- safety of pages ----------------------------------------------------------------------------------------
SECURE_COOKIES = env.bool("SECURE_COOKIES", not RELAXED)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", not RELAXED)
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^metrics$"]  # probes come over plain HTTP
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 0 if RELAXED else 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not RELAXED
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "core.envelope.csrf_failure"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        **{
            name: ["'self'"]
            for name in ("script-src", "style-src", "img-src", "font-src", "connect-src", "form-action")
        },
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

# --- back office --------------------------------------------------------------------------------------------
UNFOLD = theme.unfold(SITE_NAME)

# --- static files, language, logs ---------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = env.str("STATIC_ROOT", str(BASE_DIR / ".local" / "static"))
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = RELAXED
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
METRICS_TOKEN = env.str("METRICS_TOKEN", "")
PROMETHEUS_MULTIPROC_DIR = env.str("PROMETHEUS_MULTIPROC_DIR", "")
if PROMETHEUS_MULTIPROC_DIR and not Path(PROMETHEUS_MULTIPROC_DIR).is_dir():
    raise ImproperlyConfigured("PROMETHEUS_MULTIPROC_DIR must be a folder that exists; empty it at every start.")
PROMETHEUS_EXPORT_MIGRATIONS = False
LOG_LEVEL = env.str("LOG_LEVEL", "INFO")
LOGGING_CONFIG = "core.logs.configure"
LOGGING = {"level": LOG_LEVEL}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
