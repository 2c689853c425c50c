# Three images: `build` installs and collects, `product` runs every process of ours, `proxy` is the one port in front.
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 ENV_FILE=/dev/null
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv /venv && /venv/bin/pip install --require-hashes --requirement requirements.txt
COPY . .
# Collected as production serves them; these keys are made for this one command and are in no image.
RUN export APP_MODE=production ALLOWED_HOSTS=build DATABASE_URL=postgres://build/build REDIS_URL=redis://build/0 \
    SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(64))')" \
    MAIL_URL=smtp://build MAIL_FROM=build ARCHIVE_FOLDER=/archives \
    && KEY="$(python -c 'import base64, secrets; print(base64.b64encode(secrets.token_bytes(32)).decode())')" \
    && export SEED_KEY="$KEY" SECOND_FACTOR_KEY="$KEY" EXCLUSION_HASH_KEY="$KEY" ARCHIVE_SIGNING_KEY="$KEY" \
    STATIC_ROOT=/static && /venv/bin/python manage.py collectstatic --noinput \
    && /venv/bin/python -m xxxchat.stack.containers > /proxy.json

FROM caddy:2.11.7-alpine AS proxy
COPY --from=build /proxy.json /etc/caddy/proxy.json
RUN adduser -D -H -u 10001 proxy && chown -R proxy /data /config
USER 10001
EXPOSE 80 443
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["nc", "-z", "127.0.0.1", "443"]
CMD ["caddy", "run", "--config", "/etc/caddy/proxy.json"]

FROM python:3.11-slim-bookworm AS product
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin app \
    && install --directory --owner app --group app /archives
COPY --from=build /venv /venv
COPY --from=build /static /static
COPY --from=build /app /app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=xxxchat.settings APP_MODE=production STATIC_ROOT=/static ENV_FILE=/dev/null
WORKDIR /app
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["python", "deploy/healthcheck.py", "8000", "/livez"]
CMD ["granian", "--interface", "wsgi", "--no-ws", "--http", "1", "--host", "0.0.0.0", "--port", "8000", \
     "--workers", "2", "--blocking-threads", "4", "--backpressure", "512", "--workers-kill-timeout", "1", \
     "--respawn-failed-workers", "--log-level", "warning", "xxxchat.wsgi:application"]
