# One image for every part; the command says which. Non-root, no shell tools needed, read-only file system.
FROM python:3.11-slim AS build
WORKDIR /build
COPY requirements/core.lock ./
RUN python -m venv /opt/arrivals && /opt/arrivals/bin/pip install --no-cache-dir --require-hashes -r core.lock
COPY . .
RUN /opt/arrivals/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim
RUN useradd --system --uid 10001 arrivals \
 && install -d -m 700 -o 10001 /var/lib/arrivals /var/lib/arrivals/keys
COPY --from=build /opt/arrivals /opt/arrivals
USER 10001
ENV PATH=/opt/arrivals/bin:$PATH PYTHONUNBUFFERED=1 ARRIVALS_MODE=production
ENTRYPOINT ["arrivals"]
