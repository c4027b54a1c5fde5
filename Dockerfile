# syntax=docker/dockerfile:1
# Targets: gateway, evaluation, serving, training. Only the last two contain TensorFlow.

FROM python:3.11-slim-bookworm AS base
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

# The project's wheel, built with locked tools only.
FROM base AS wheel
COPY requirements/build.txt /src/requirements/
RUN python -m pip install --require-hashes -r /src/requirements/build.txt
WORKDIR /src
COPY pyproject.toml README.md ./
COPY services services
COPY training training
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheels .

# One virtual environment per image: locked requirements first, so that a code change keeps the layer.
FROM base AS gateway-environment
COPY requirements/gateway.txt /requirements.txt
RUN python -m venv /opt/lifesign && /opt/lifesign/bin/pip install --require-hashes -r /requirements.txt
COPY --from=wheel /wheels /wheels
RUN /opt/lifesign/bin/pip install --no-deps --no-index /wheels/*.whl

FROM base AS evaluation-environment
COPY requirements/evaluation.txt /requirements.txt
RUN python -m venv /opt/lifesign && /opt/lifesign/bin/pip install --require-hashes -r /requirements.txt
COPY --from=wheel /wheels /wheels
RUN /opt/lifesign/bin/pip install --no-deps --no-index /wheels/*.whl

FROM base AS serving-environment
COPY requirements/serving.txt /requirements.txt
RUN python -m venv /opt/lifesign && /opt/lifesign/bin/pip install --require-hashes -r /requirements.txt
COPY --from=wheel /wheels /wheels
RUN /opt/lifesign/bin/pip install --no-deps --no-index /wheels/*.whl

FROM base AS training-environment
COPY requirements/training.txt /requirements.txt
RUN python -m venv /opt/lifesign && /opt/lifesign/bin/pip install --require-hashes -r /requirements.txt
COPY --from=wheel /wheels /wheels
RUN /opt/lifesign/bin/pip install --no-deps --no-index /wheels/*.whl

# What every image runs as: a numeric user without a shell or a home, so that runAsNonRoot can check it.
FROM base AS runtime
ARG REVISION=unknown
LABEL org.opencontainers.image.title="lifesign" \
      org.opencontainers.image.revision="${REVISION}"
ENV PATH=/opt/lifesign/bin:$PATH \
    LIFESIGN_REVISION=${REVISION} \
    LIFESIGN_MODEL_BASE_PATH=/models \
    MPLCONFIGDIR=/tmp/matplotlib
RUN groupadd --gid 10001 lifesign \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin lifesign \
    && install -d -o 10001 -g 10001 /var/lib/lifesign
WORKDIR /var/lib/lifesign
STOPSIGNAL SIGTERM

FROM runtime AS gateway
COPY --from=gateway-environment /opt/lifesign /opt/lifesign
ENV LIFESIGN_GATEWAY_HOST=0.0.0.0
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/livez', timeout=2)"]
ENTRYPOINT ["lifesign", "gateway"]

FROM runtime AS evaluation
COPY --from=evaluation-environment /opt/lifesign /opt/lifesign
ENV LIFESIGN_MONITOR_HOST=0.0.0.0 \
    LIFESIGN_MONITOR_DATA_DIR=/var/lib/lifesign
USER 10001:10001
EXPOSE 8090
VOLUME ["/var/lib/lifesign"]
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8090/livez', timeout=2)"]
ENTRYPOINT ["lifesign", "monitor"]

FROM runtime AS serving
COPY --from=serving-environment /opt/lifesign /opt/lifesign
ENV TF_CPP_MIN_LOG_LEVEL=2
USER 10001:10001
EXPOSE 8500 8501
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import socket; socket.create_connection(('127.0.0.1', 8500), 2).close()"]
ENTRYPOINT ["lifesign", "serve"]

FROM runtime AS training
COPY --from=training-environment /opt/lifesign /opt/lifesign
ENV TF_CPP_MIN_LOG_LEVEL=2
USER 10001:10001
HEALTHCHECK NONE
ENTRYPOINT ["lifesign-train"]
