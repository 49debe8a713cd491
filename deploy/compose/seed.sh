#!/bin/sh
# Fills a new Prometheus with the demo's history and the series that the recording rules give for it.
#
#   seed.sh HISTORY.om.gz DATA_FOLDER RULE_FILE...
#
# Does nothing without a history, or if Prometheus has run before.
set -eu

history=$1 data=$2 work=$2/seed
shift 2
[ -e "$history" ] && [ ! -e "$data/wal" ] || exit 0

prometheus=
clean_up() {
  [ -z "$prometheus" ] || kill "$prometheus" 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT

create_blocks() {
  promtool tsdb create-blocks-from --quiet --max-block-duration=4400h "$@"
}

# The first or last time of the history, in seconds.
time_of() {
  sed -n "s/^.*\"$1\": \([0-9]*\)[0-9]\{3\},\$/\1/p" "$work"/scraped/*/meta.json | sort -n | "$2" -n 1
}

rm -rf "$work"
mkdir -p "$work/recorded" "$work/rules"
# The history has one sample per hour, independent of the interval of a group.
for file; do
  sed '/^ *interval:/d' "$file" > "$work/rules/$(basename "$file")"
done
gunzip -c "$history" > "$work/history.om"
create_blocks openmetrics "$work/history.om" "$work/scraped"
rm "$work/history.om"
: > "$work/prometheus.yml"
address=127.0.0.1:${SEED_PORT:-9090}

# A rule reads what other rules have recorded, which has to be there before: one pass for each level of the rules.
passes=10
while [ "$passes" -gt 0 ]; do
  rm -rf "$work/served"
  cp -r "$work/scraped" "$work/served"
  cp -r "$work/recorded/." "$work/served"
  prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/served" --log.level=error \
    --storage.tsdb.retention.time=400d --query.lookback-delta=1h --web.listen-address="$address" &
  prometheus=$!
  until promtool query instant "http://$address" 1 > /dev/null 2>&1; do
    kill -0 "$prometheus"
    sleep 1
  done
  rm -rf "$work/recorded"
  create_blocks rules --url="http://$address" --output-dir="$work/recorded" --eval-interval=1h \
    --start="$(time_of minTime head)" --end="$(time_of maxTime tail)" "$work"/rules/*
  kill "$prometheus"
  wait "$prometheus" || true
  prometheus=
  passes=$((passes - 1))
done

mv "$work"/scraped/* "$work"/recorded/* "$data"
