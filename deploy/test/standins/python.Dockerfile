FROM debian:trixie-slim
RUN apt-get update -qq \
 && apt-get install -qq -y --no-install-recommends python3 python3-pip python3-venv \
 && rm -rf /var/lib/apt/lists/*
