"""Every setting of the project, from the environment and `.env`; `.env.example` lists each with its unit.

`APP_MODE` is how strict start-up is: `production` (default) refuses weak, published or missing values, `demo` and
`test` may shorten timers, switch limits off and shift the clock. All faults are reported in one message.
"""

import os
import re
from datetime import timedelta
from pathlib import Path

from xxxchat import applications, contract, theme, timetable
from xxxchat.environment import PROJECT, Environment

BASE_DIR = PROJECT
PUBLISHED = "-only-"  # in every key that stands in this repository: "demo-only-…", "local-only-…", "test-only-…"
env = Environment()

APP_MODE = env.str("APP_MODE", "production")
env.require("APP_MODE", APP_MODE in {"production", "demo", "test"}, "must be production, demo or test")
RELAXED = APP_MODE in {"demo", "test"}
TESTING = APP_MODE == "test"

DEBUG = False
SECRET_KEY = env.str("SECRET_KEY", "test-only-" + "k" * 60 if TESTING else env.REQUIRED)
env.require("SECRET_KEY", RELAXED or len(SECRET_KEY) >= 50, "must have 50 characters or more")
env.require("SECRET_KEY", RELAXED or PUBLISHED not in SECRET_KEY, "is a published example: make one of your own")
REFUSED = "" if RELAXED else PUBLISHED
SEED_KEY = env.key(
    "SEED_KEY", "dGVzdC1vbmx5LXNlZWQta2V5LTMyLWJ5dGVzLWxvbmc=" if TESTING else env.REQUIRED, refused=REFUSED
)
SEED_KEYS_OLD = env.keys("SEED_KEYS_OLD", refused=REFUSED)
env.require("SEED_KEYS_OLD", SEED_KEY not in SEED_KEYS_OLD, "must not name SEED_KEY")
SECOND_FACTOR_KEY = env.key(
    "SECOND_FACTOR_KEY", "dGVzdC1vbmx5LXNlY29uZC1mYWN0b3Ita2V5LTMyLWI=" if TESTING else env.REQUIRED, refused=REFUSED
)
EXCLUSION_HASH_KEY = env.key(
    "EXCLUSION_HASH_KEY", "dGVzdC1vbmx5LWV4Y2x1c2lvbi1oYXNoLWtleS0zMmI=" if TESTING else env.REQUIRED, refused=REFUSED
)
ARCHIVE_SIGNING_KEY = env.key(
    "ARCHIVE_SIGNING_KEY", "dGVzdC1vbmx5LWFyY2hpdmUtc2lnbmluZy1rZXktMzI=" if TESTING else env.REQUIRED, refused=REFUSED
)
ARCHIVE_FOLDER = env.str("ARCHIVE_FOLDER", str(BASE_DIR / ".local" / "archives") if RELAXED else env.REQUIRED)
DETACHED_SPINS = env.str("DETACHED_SPINS", "keep")
env.require("DETACHED_SPINS", DETACHED_SPINS in {"keep", "drop"}, "must be keep or drop")
PAYMENT_WEBHOOK_SECRETS = env.list("PAYMENT_WEBHOOK_SECRETS", default=["demo-only-webhook-secret"] if RELAXED else [])
env.require(
    "PAYMENT_WEBHOOK_SECRETS",
    len(PAYMENT_WEBHOOK_SECRETS) <= 2 and all(len(each) >= (1 if RELAXED else 32) for each in PAYMENT_WEBHOOK_SECRETS),
    "are at most two, each of 32 characters or more",
)
SITE_NAME = env.str("SITE_NAME", "XXXChatNow")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["*"] if RELAXED else env.REQUIRED)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# --- the rules' figures -------------------------------------------------------------------------------------
PLATFORM_FEE_BPS = env.whole("PLATFORM_FEE_BPS", 0, least=0, most=10_000)
SLOTS_MIN_INTERVAL_MS = env.int("SLOTS_MIN_INTERVAL_MS", 2_500)
SLOTS_SPINS_PER_HOUR = env.int("SLOTS_SPINS_PER_HOUR", 100)
SLOTS_ENABLED = env.bool("SLOTS_ENABLED", RELAXED)
SLOTS_DRIFT_MIN_SPINS = env.whole("SLOTS_DRIFT_MIN_SPINS", 100_000, least=1 if RELAXED else 10_000)
LIMIT_CAPS_POINT = env.wholes("LIMIT_CAPS_POINT", (10_000, 40_000, 120_000))  # 24 h, 7 d, 30 d; 0 is none
env.require("LIMIT_CAPS_POINT", RELAXED or 0 not in LIMIT_CAPS_POINT, "may be switched off (0) in demo and test only")
env.require(
    "LIMIT_CAPS_POINT", sorted(filter(None, LIMIT_CAPS_POINT)) == [*filter(None, LIMIT_CAPS_POINT)], "must not fall"
)
QUEUE_ROPE_DROP_S = env.int("QUEUE_ROPE_DROP_S", 120)
FOUR_EYES_TOKENS = env.whole("FOUR_EYES_TOKENS", 5_000, least=0)
PAYOUT_MINIMUM = env.whole("PAYOUT_MINIMUM", 1_000, least=1)
IMPORT_EXPORT_ESCAPE_FORMULAE_ON_EXPORT = True
IMPORT_EXPORT_EXPORT_PERMISSION_CODE = "export"  # an admin class that names no role of its own exports nothing
SWEEP_EVERY_S = env.float("SWEEP_EVERY_S", 2.0)
VERIFY_AT_HOUR = env.whole("VERIFY_AT_HOUR", 3, least=0, most=23)
LIVE_POLL_MS = env.int("LIVE_POLL_MS", 100)
LIVE_HEARTBEAT_S = env.float("LIVE_HEARTBEAT_S", 15.0)
LIVE_STREAMS = env.int("LIVE_STREAMS", 4_000)
LIVE_STREAMS_PER_PERSON = env.int("LIVE_STREAMS_PER_PERSON", 8)
LIVE_STREAMS_PER_ADDRESS = env.int("LIVE_STREAMS_PER_ADDRESS", 500)
COMMANDS_BATCH = env.whole("COMMANDS_BATCH", 64, least=1, most=256)
COMMANDS_WAITING = env.whole("COMMANDS_WAITING", 1_024, least=1)
COMMANDS_THREADS = env.whole("COMMANDS_THREADS", 4, least=1, most=64)
ORIGIN_READER = "compliance.services.origin_of"
PLAY_READER = "slots.services.reality.play_of"
ROUNDS = "xxxchat.rounds.ROUNDS"
JURISDICTION_LOCATOR = env.str("JURISDICTION_LOCATOR", "demo" if RELAXED else "static")
JURISDICTION_DEFAULT = env.str("JURISDICTION_DEFAULT", "")
JURISDICTION_HEADER = env.str("JURISDICTION_HEADER", "")
env.require(
    "JURISDICTION_LOCATOR",
    JURISDICTION_LOCATOR in {"static", "header"} or (RELAXED and JURISDICTION_LOCATOR == "demo"),
    "must be static or header",
)
env.require(
    "JURISDICTION_DEFAULT",
    len(JURISDICTION_DEFAULT) <= 40 and JURISDICTION_DEFAULT.isprintable() and "," not in JURISDICTION_DEFAULT,
    "must be 40 printable characters or fewer, without a comma",
)
env.require(
    "JURISDICTION_HEADER",
    bool(re.fullmatch(r"(?!(?i:content-))[A-Za-z0-9-]+", JURISDICTION_HEADER))
    or (not JURISDICTION_HEADER and JURISDICTION_LOCATOR != "header"),
    "must be the name of the header that the proxy sets: letters, digits and hyphens",
)
DEMO_PASSWORD = env.str("DEMO_PASSWORD", "demo-only-password")

# --- loyalty: where points live -----------------------------------------------------------------------------
LOYALTY_BACKEND = env.str("LOYALTY_BACKEND", "local")
env.require("LOYALTY_BACKEND", LOYALTY_BACKEND in {"local", "redroomrewards"}, "must be local or redroomrewards")
RRR_BASE_URL = env.str("RRR_BASE_URL", "").rstrip("/")
RRR_CLIENT_ID = env.str("RRR_CLIENT_ID", "")
RRR_CLIENT_SECRET = env.str("RRR_CLIENT_SECRET", "")
RRR_WEBHOOK_SECRET = env.str("RRR_WEBHOOK_SECRET", "")
if LOYALTY_BACKEND == "redroomrewards":
    secure = RRR_BASE_URL.startswith("https://") or (RELAXED and RRR_BASE_URL.startswith("http://"))
    env.require("RRR_BASE_URL", secure, "must be https://host")
    env.require("RRR_CLIENT_ID", bool(RRR_CLIENT_ID), "is not set")
    env.require("RRR_CLIENT_SECRET", bool(RRR_CLIENT_SECRET), "is not set")
    long = len(RRR_WEBHOOK_SECRET) >= (1 if RELAXED else 32)
    env.require("RRR_WEBHOOK_SECRET", long, "must have 32 characters or more")
RRR_CONNECT_TIMEOUT_S = env.seconds("RRR_CONNECT_TIMEOUT_S", 1.0)
RRR_TRY_TIMEOUT_S = env.seconds("RRR_TRY_TIMEOUT_S", 2.0)
RRR_TOTAL_TIMEOUT_S = env.seconds("RRR_TOTAL_TIMEOUT_S", 5.0)
RRR_BREAKER_FAILURES = env.whole("RRR_BREAKER_FAILURES", 5, least=1)
RRR_BREAKER_RESET_S = env.seconds("RRR_BREAKER_RESET_S", 30.0)
LOYALTY_EARN_POINTS_PER_TOKEN = env.whole("LOYALTY_EARN_POINTS_PER_TOKEN", 0, least=0, most=1_000)

# --- applications -------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    *applications.APPLICATIONS,
    *env.list("EXTRA_APPS", default=[]),  # development tools such as django_linear_migrations (`make check`)
]
MIDDLEWARE = applications.MIDDLEWARE
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
DATABASES = {"default": env.postgresql("DATABASE_URL")}
DATABASES["default"]["ENGINE"] = "django.db.backends.postgresql"
DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE_S", 600)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"].setdefault("OPTIONS", {})["connect_timeout"] = 5
if env.bool("DATABASE_PREPARED", False):  # the server keeps what it has read and planned of a statement (ADR 0043)
    DATABASES["default"]["OPTIONS"] |= {"server_side_binding": True, "prepare_threshold": 2}
DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True  # PgBouncer in transaction mode must work
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env.str("REDIS_URL")
env.require("REDIS_URL", REDIS_URL.startswith(("redis://", "rediss://", "unix://")), "must be redis://host:port/number")
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
CELERY_BEAT_SCHEDULE = timetable.beat(
    sweep_every_s=SWEEP_EVERY_S, night_hour=VERIFY_AT_HOUR, rewards=LOYALTY_BACKEND == "redroomrewards"
)

# --- sign-in ------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "NumericPasswordValidator",
        "CommonPasswordValidator",
    )
]
LOGIN_URL = "sign-in"
CHANGE_URL = "password"  # the page where a password is changed
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=5),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "UPDATE_LAST_LOGIN": False,
    "USER_AUTHENTICATION_RULE": "accounts.tokens.may_use_tokens",
    "CHECK_REVOKE_TOKEN": True,  # a changed password ends every token at once
}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = 1
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
PASSWORD_RESET_TIMEOUT = 3_600  # seconds that a link to a new password works
MFA_ADAPTER = "accounts.sealing.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = SITE_NAME
MFA_TOTP_TOLERANCE = 1  # the code before and the one after: clocks differ
MFA_RECOVERY_CODES_SHOW_ONCE = True
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", 0)
TRUSTED_PROXY_NETWORKS = env.networks("TRUSTED_PROXY_NETWORKS")
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = env.whole("SIGN_IN_FAILURES", 10, least=1)  # 0 would lock everybody out
AXES_COOLOFF_TIME = timedelta(seconds=env.int("SIGN_IN_LOCK_S", 300))
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_CLIENT_IP_CALLABLE = "accounts.lockout.client_address"
AXES_LOCKOUT_CALLABLE = "accounts.lockout.locked_response"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.tokens.BearerAuthentication",
        "accounts.tokens.OwnPasswordSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.parsing.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "core.schema.EndpointSchema",
    "EXCEPTION_HANDLER": "core.envelope.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = contract.described(SITE_NAME)
API_TAGS = contract.TAGS

# --- mail and the age provider ------------------------------------------------------------------------------
MAIL_SERVER = env.mail_server("MAIL_URL", "" if RELAXED else env.REQUIRED)
MAIL_FOLDER = env.str("MAIL_FOLDER", str(BASE_DIR / ".local" / "mail"))
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend" if MAIL_SERVER else "xxxchat.mail.FileBackend"
EMAIL_TIMEOUT = 10
globals().update(MAIL_SERVER)
DEFAULT_FROM_EMAIL = env.str("MAIL_FROM", "no-reply@demo.invalid" if RELAXED else env.REQUIRED)
SUPPORT_ADDRESS = env.str("SUPPORT_ADDRESS", DEFAULT_FROM_EMAIL)
AGE_PROVIDER = env.str("AGE_PROVIDER", "stand_in" if RELAXED else "none")
AGE_PROVIDER_URL = env.str("AGE_PROVIDER_URL", "")
AGE_PROVIDER_SECRET = env.str("AGE_PROVIDER_SECRET", "")
env.require("AGE_PROVIDER", AGE_PROVIDER in {"none", "stand_in", "http"}, "must be none, stand_in or http")
env.require("AGE_PROVIDER", RELAXED or AGE_PROVIDER != "stand_in", "may be stand_in in demo and test only")
if AGE_PROVIDER == "http":
    secure = AGE_PROVIDER_URL.startswith("https://") or (RELAXED and AGE_PROVIDER_URL.startswith("http://"))
    env.require("AGE_PROVIDER_URL", secure, "must be https://host/path")
    long = len(AGE_PROVIDER_SECRET) >= (1 if RELAXED else 32)
    env.require("AGE_PROVIDER_SECRET", long, "must have 32 characters or more")

# --- safety of pages ----------------------------------------------------------------------------------------
SECURE_COOKIES = env.bool("SECURE_COOKIES", not RELAXED)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", not RELAXED)
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^metrics$"]  # probes come over plain HTTP
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 0 if RELAXED else 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", not RELAXED)
SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", not RELAXED)
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

# --- applications of others -----------------------------------------------------------------------------------
SECURITY_CONTACT = env.str("SECURITY_CONTACT", "")
env.require(
    "SECURITY_CONTACT",
    not SECURITY_CONTACT or SECURITY_CONTACT.startswith(("mailto:", "https://", "tel:")),
    "must begin with mailto:, https:// or tel:",
)
SECURITY_EXPIRES = env.moment("SECURITY_EXPIRES")
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
env.require(
    "CORS_ALLOWED_ORIGINS",
    all(re.fullmatch(r"https?://[^/*\s]+", each) for each in CORS_ALLOWED_ORIGINS),
    "must be origins such as https://app.example, without a path or *",
)
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "if-none-match",
    "x-request-id",
    "x-totp",
]
CORS_EXPOSE_HEADERS = ["ETag", "Idempotent-Replayed", "Retry-After", "X-Request-Id"]
CORS_ALLOW_CREDENTIALS = False  # applications of others send a token, never this site's cookie

# --- back office --------------------------------------------------------------------------------------------
UNFOLD = theme.unfold(SITE_NAME)

# --- static files, language, logs ---------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = env.str("STATIC_ROOT", str(BASE_DIR / ".local" / "static"))
STATICFILES_DIRS = [BASE_DIR / "static", ("charts", theme.charts())]
STATIC_HASHED = env.bool("STATIC_HASHED", not RELAXED)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "xxxchat.static_files.HashedFiles"
        if STATIC_HASHED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = RELAXED and not STATIC_HASHED
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
METRICS_TOKEN = env.str("METRICS_TOKEN", "")
PROMETHEUS_MULTIPROC_DIR = env.str("PROMETHEUS_MULTIPROC_DIR", "")
if PROMETHEUS_MULTIPROC_DIR:
    exists = Path(PROMETHEUS_MULTIPROC_DIR).is_dir()
    env.require("PROMETHEUS_MULTIPROC_DIR", exists, "must be a folder that exists; empty it at every start")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = PROMETHEUS_MULTIPROC_DIR  # prometheus_client reads the environment only
else:
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)  # to it, empty is a folder
PROMETHEUS_EXPORT_MIGRATIONS = False
LOG_LEVEL = env.str("LOG_LEVEL", "INFO")
env.require("LOG_LEVEL", LOG_LEVEL in {"DEBUG", "INFO", "WARNING", "ERROR"}, "must be DEBUG, INFO, WARNING or ERROR")
LOGGING_CONFIG = "core.logs.configure"
LOGGING = {"level": LOG_LEVEL}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

env.check()
