#!/bin/sh
# Runs PROGRAM ARGS on an X server of its own: Xvfb picks a free display number and is ended by its process id.
set -eu
folder=$(mktemp -d)
Xvfb -displayfd 3 -screen 0 1600x1000x24 -dpi 96 -nolisten tcp 3>"$folder/display" 2>"$folder/log" &
server=$!
finish() {
  kill "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  rm -rf "$folder"
}
trap finish EXIT INT TERM
# The number is written once the server takes connections.
until [ -s "$folder/display" ]; do
  if ! kill -0 "$server" 2>/dev/null; then
    cat "$folder/log" >&2
    echo "run_under_xvfb.sh: Xvfb did not start" >&2
    exit 1
  fi
  sleep 0.02
done
DISPLAY=:$(cat "$folder/display") QT_QPA_PLATFORM=xcb "$@"
