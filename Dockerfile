# The classic builder and BuildKit both build this.
ARG BASE=python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

FROM ${BASE} AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# For strip; its version makes no difference to the image.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends binutils && rm -rf /var/lib/apt/lists/*
RUN python -m venv --without-pip /opt/exporter
COPY requirements/runtime.txt requirements/build.txt requirements/
# What runs goes into the environment that is copied; what builds the wheel stays here. The symbols for debuggers, which
# some wheels hold, would be more than half of the image beyond its base.
RUN python -m pip --python /opt/exporter/bin/python install --require-hashes --no-compile -r requirements/runtime.txt \
 && find /opt/exporter/lib -name '*.so' -exec strip --strip-unneeded {} + \
 && python -m pip install --require-hashes --ignore-installed -r requirements/build.txt
COPY pyproject.toml README.md LICENSE hatch_build.py ./
COPY exporter exporter
ARG REVISION=
RUN SOURCE_REVISION=${REVISION} python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && python -m pip --python /opt/exporter/bin/python install --no-deps --no-compile /wheels/*.whl \
 && /opt/exporter/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/exporter/lib

FROM ${BASE}

ARG VERSION=
ARG REVISION=
ARG SOURCE=https://example.com/mimecast-exporter
LABEL org.opencontainers.image.title="mimecast-exporter" \
      org.opencontainers.image.description="Prometheus exporter for Mimecast Awareness Training campaigns" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/exporter /opt/exporter
# glibc returns free memory to the system above MALLOC_TRIM_THRESHOLD_, which otherwise grows to as much as 64 MiB.
ENV PATH=/opt/exporter/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 MALLOC_TRIM_THRESHOLD_=131072
USER 65532:65532
EXPOSE 10587
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=5s --retries=3 CMD ["mimecast-exporter", "healthcheck"]
ENTRYPOINT ["mimecast-exporter"]
