# Flagtrail in one image: no compiler, no package manager of Python, no root.
#   docker build --tag flagtrail .
FROM python:3.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY deploy/image/build.lock deploy/image/runtime.lock ./
RUN pip install --require-hashes --requirement build.lock \
    && python -m venv --without-pip /opt/flagtrail \
    && pip --python /opt/flagtrail install --require-hashes --no-deps --requirement runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN python -m hatchling build -t wheel && pip --python /opt/flagtrail install --no-deps dist/*.whl

FROM python:3.13-slim-bookworm
LABEL org.opencontainers.image.title="Flagtrail" \
      org.opencontainers.image.description="Feature flags with a memory" \
      org.opencontainers.image.licenses="Apache-2.0"
# Pango and a font: what a report as PDF is printed with.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/*
RUN groupadd --system --gid 10001 flagtrail \
    && useradd --system --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin flagtrail \
    && install --directory --owner 10001 --group 10001 --mode 0700 /data
COPY --from=build /opt/flagtrail /opt/flagtrail
ENV PATH=/opt/flagtrail/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    FLAGTRAIL_HOST=0.0.0.0 \
    FLAGTRAIL_PORT=8080 \
    FLAGTRAIL_DATABASE=sqlite:////data/flagtrail.db \
    FLAGTRAIL_KEY_FILE=/data/flagtrail.key
WORKDIR /data
VOLUME /data
EXPOSE 8080
USER 10001:10001
# /healthz, not /readyz: evaluations go on while the database is away, and a restart would not bring it back.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['FLAGTRAIL_PORT'] + '/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["flagtrail"]
CMD ["up"]
