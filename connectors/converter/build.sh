#!/usr/bin/env bash
# build.sh KAFKA_JARS APICURIO_JARS JAR: compiles the converter against two folders of jars.
set -euo pipefail
kafka=$1 apicurio=$2 jar=$(realpath -m "$3")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
javac --release 17 -Xlint:all,-classfile,-path -d "$work" -cp "$kafka/*:$apicurio/*" "$(dirname "${BASH_SOURCE[0]}")/RegistryAvroConverter.java"
mkdir -p "$work/META-INF/services"
echo showrunner.connect.RegistryAvroConverter >"$work/META-INF/services/org.apache.kafka.connect.storage.Converter"
jar --create --file "$jar" -C "$work" .
