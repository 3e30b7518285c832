#!/usr/bin/env bash
# fetch-jars.sh DIRECTORY: puts the image's jars there: DIRECTORY/kafka and DIRECTORY/plugins/{iceberg,apicurio}.
# Needs a JDK and Maven, which finds its repository and settings as always (MVN_OPTIONS: more options for it).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=$1
fetch() { # PROFILE DIRECTORY ARGUMENTS...
    local profile=$1 directory=$2
    shift 2
    # shellcheck disable=SC2086 # several options
    mvn ${MVN_OPTIONS:-} -q -B -ntp -f "$here/pom.xml" -P "$profile" dependency:copy-dependencies -DoutputDirectory="$directory" "$@"
}
mkdir -p "$target/plugins"
target=$(cd "$target" && pwd)
fetch kafka "$target/kafka"
# the worker brings its own Kafka and slf4j: a second one in a plugin's folder would not fit to it
for plugin in iceberg apicurio; do
    fetch "$plugin" "$target/plugins/$plugin" -DexcludeGroupIds=org.apache.kafka -DexcludeArtifactIds=slf4j-api
done
"$here/converter/build.sh" "$target/kafka" "$target/plugins/apicurio" "$target/plugins/apicurio/showrunner-converter.jar"
# what has no manifest gets one, so that a worker need not search all jars at each start
java -cp "$target/kafka/*" org.apache.kafka.tools.ConnectPluginPath sync-manifests --plugin-path "$target/plugins"
