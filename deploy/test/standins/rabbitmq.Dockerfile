FROM debian:trixie-slim
RUN apt-get update -qq \
 && apt-get install -qq -y --no-install-recommends rabbitmq-server \
 && rm -rf /var/lib/apt/lists/* /var/lib/rabbitmq/.erlang.cookie
COPY rabbitmq.sh /usr/local/bin/entrypoint
ENV RABBITMQ_LOGS=- LANG=C.UTF-8
ENTRYPOINT ["sh", "/usr/local/bin/entrypoint"]
