#!/usr/bin/env bash
# What the JVM image runs:
#   entrypoint.sh connect   a Kafka Connect worker, distributed mode
#   entrypoint.sh broker    a single Kafka broker (KRaft), for trying out: one copy of everything
# docs/connect.md lists the environment. Writes only below WORKER_TMP and BROKER_DATA_DIR, so the rest may be read-only.
set -euo pipefail
umask 077

home=${SHOWRUNNER_HOME:-$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)}
kafka=${WORKER_JARS:-$home/kafka}
tmp=${WORKER_TMP:-/tmp/showrunner}
heap=${JVM_HEAP:-512m}

die() { echo "error: $*" >&2; exit 2; }
need() { [ -n "${!1:-}" ] || die "$1: is not set"; }
java_() { # CLASS ARGUMENTS...
    exec java "-Xmx$heap" ${JVM_OPTIONS:-} "-Dlog4j2.configurationFile=$home/log4j2.yaml" "${jvm[@]}" -cp "$kafka/*" "$@"
}
jvm=()

# The JVM trusts what the system trusts, and the authorities of the object store and the registry: their clients inside
# Connect take no authority of their own. (Kafka and PostgreSQL take theirs as a setting.)
trust_authorities() {
    local store=$tmp/truststore.p12 system part n=0 file
    [ -n "${STORE_CA:-}${KAFKA_SCHEMA_REGISTRY_CA:-}" ] || return 0
    system=$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")/lib/security/cacerts
    rm -f "$store"
    [ ! -r "$system" ] || keytool -importkeystore -noprompt -srckeystore "$system" -srcstorepass changeit \
        -destkeystore "$store" -deststoretype PKCS12 -deststorepass changeit >/dev/null 2>&1 ||
        die "the system's authorities in $system cannot be read"
    for file in "${STORE_CA:-}" "${KAFKA_SCHEMA_REGISTRY_CA:-}"; do
        [ -n "$file" ] || continue
        [ -r "$file" ] || die "the authority $file cannot be read"
        rm -f "$tmp"/authority-*.pem
        # keytool takes one certificate of a file
        awk -v out="$tmp/authority-" '/BEGIN CERTIFICATE/ {n++} n {print > (out n ".pem")}' "$file"
        for part in "$tmp"/authority-*.pem; do
            [ -e "$part" ] || die "the authority $file has no PEM certificate"
            n=$((n + 1))
            keytool -importcert -noprompt -alias "showrunner-$n" -file "$part" \
                -keystore "$store" -storetype PKCS12 -storepass changeit >/dev/null 2>&1 ||
                die "the authority $file cannot be read"
        done
    done
    # authorities are no secret; the password only keeps keytool content
    jvm+=("-Djavax.net.ssl.trustStore=$store" -Djavax.net.ssl.trustStoreType=PKCS12 -Djavax.net.ssl.trustStorePassword=changeit)
}

# SASL and TLS of the worker's own clients, in the words of KAFKA_* settings
worker_security() {
    local protocol=${KAFKA_SECURITY_PROTOCOL:-PLAINTEXT} mechanism=${KAFKA_SASL_MECHANISM:-SCRAM-SHA-512} prefix module password
    [ "$protocol" != PLAINTEXT ] || return 0
    case $mechanism in
        PLAIN) module=org.apache.kafka.common.security.plain.PlainLoginModule ;;
        *) module=org.apache.kafka.common.security.scram.ScramLoginModule ;;
    esac
    case ${CONNECT_SECRETS:-env} in
        env) password='${env:KAFKA_SASL_PASSWORD}' ;;
        dir:*) password="\${$CONNECT_SECRETS:KAFKA_SASL_PASSWORD}" ;;
        *) die "CONNECT_SECRETS: env or dir:/path" ;;
    esac
    for prefix in "" producer. consumer. admin.; do
        echo "${prefix}security.protocol=$protocol"
        case $protocol in SASL_*)
            need KAFKA_SASL_USERNAME
            echo "${prefix}sasl.mechanism=$mechanism"
            echo "${prefix}sasl.jaas.config=$module required username=\"$KAFKA_SASL_USERNAME\" password=\"$password\";"
            ;;
        esac
        if [ -n "${KAFKA_CA:-}" ]; then
            echo "${prefix}ssl.truststore.type=PEM"
            echo "${prefix}ssl.truststore.location=$KAFKA_CA"
        fi
    done
}

run_connect() {
    need KAFKA_BOOTSTRAP_SERVERS
    local topics=${WORKER_TOPIC_PREFIX:-connect} copies=${TOPIC_REPLICATION:-1} host=${WORKER_ADVERTISED_HOST:-$(hostname -i 2>/dev/null | cut -d' ' -f1)}
    mkdir -p "$tmp"
    trust_authorities
    {
        cat "$home/connect-worker.properties"
        echo "bootstrap.servers=$KAFKA_BOOTSTRAP_SERVERS"
        echo "group.id=${WORKER_GROUP:-showrunner-connect}"
        for name in config offset status; do echo "$name.storage.replication.factor=$copies"; done
        echo "config.storage.topic=$topics-configs"
        echo "offset.storage.topic=$topics-offsets"
        echo "status.storage.topic=$topics-status"
        echo "offset.storage.partitions=${WORKER_TOPIC_PARTITIONS:-5}"
        echo "status.storage.partitions=${WORKER_TOPIC_PARTITIONS:-5}"
        echo "listeners=${WORKER_LISTENERS:-http://:8083}"
        echo "rest.advertised.host.name=${host:-localhost}"
        echo "plugin.path=${WORKER_PLUGINS:-$home/plugins}"
        case ${CONNECT_SECRETS:-env} in dir:*)
            echo "config.providers=env,dir"
            echo "config.providers.dir.class=org.apache.kafka.common.config.provider.DirectoryConfigProvider"
            echo "config.providers.dir.param.allowed.paths=${CONNECT_SECRETS#dir:}"
            ;;
        esac
        worker_security
        [ -z "${WORKER_PROPERTIES:-}" ] || cat "$WORKER_PROPERTIES"
    } >"$tmp/worker.properties"
    java_ org.apache.kafka.connect.cli.ConnectDistributed "$tmp/worker.properties"
}

run_broker() {
    local data=${BROKER_DATA_DIR:-/data} listeners=${BROKER_LISTENERS:-PLAINTEXT://:9092} protocols="" name
    # a listener whose name is no protocol speaks plaintext
    for name in $(tr ',' '\n' <<<"$listeners" | sed 's,://.*,,'); do
        case $name in PLAINTEXT | SSL | SASL_PLAINTEXT | SASL_SSL) protocols+=",$name:$name" ;; *) protocols+=",$name:PLAINTEXT" ;; esac
    done
    mkdir -p "$tmp"
    [ -d "$data" ] && [ -w "$data" ] || mkdir -p "$data" 2>/dev/null || die "BROKER_DATA_DIR: $data cannot be written to by user $(id -u)"
    {
        cat <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${BROKER_CONTROLLER_PORT:-9093}
controller.listener.names=CONTROLLER
listeners=$listeners,CONTROLLER://127.0.0.1:${BROKER_CONTROLLER_PORT:-9093}
advertised.listeners=${BROKER_ADVERTISED_LISTENERS:-PLAINTEXT://localhost:9092}
listener.security.protocol.map=CONTROLLER:PLAINTEXT$protocols
inter.broker.listener.name=${listeners%%://*}
log.dirs=$data/log
# topics are made by us (python -m connectors prepare)
auto.create.topics.enable=false
# one node, so one copy
default.replication.factor=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
offsets.topic.num.partitions=${BROKER_INTERNAL_PARTITIONS:-10}
transaction.state.log.num.partitions=${BROKER_INTERNAL_PARTITIONS:-10}
group.initial.rebalance.delay.ms=0
END
        [ -z "${BROKER_PROPERTIES:-}" ] || cat "$BROKER_PROPERTIES"
    } >"$tmp/broker.properties"
    if [ ! -f "$data/log/meta.properties" ]; then
        # a new cluster gets an id of its own: the lake's rows carry it
        id=${BROKER_CLUSTER_ID:-$(java -cp "$kafka/*" "-Dlog4j2.configurationFile=$home/log4j2.yaml" kafka.tools.StorageTool random-uuid | tail -1)}
        java -cp "$kafka/*" "-Dlog4j2.configurationFile=$home/log4j2.yaml" kafka.tools.StorageTool format \
            --cluster-id "$id" --config "$tmp/broker.properties" || die "the storage in $data cannot be formatted"
    fi
    java_ kafka.Kafka "$tmp/broker.properties"
}

case ${1:-} in
    connect) run_connect ;;
    broker) run_broker ;;
    *) die "usage: entrypoint.sh connect|broker" ;;
esac
