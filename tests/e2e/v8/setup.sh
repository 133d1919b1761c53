#!/usr/bin/env bash
# setup.sh FOLDER: installs what package.json names into FOLDER, once, with npm's own settings. No scripts run, no browser comes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"
if ! cmp -s "$here/package.json" installed.json; then
  cp "$here/package.json" package.json
  PUPPETEER_SKIP_DOWNLOAD=1 npm install --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error
  cp package.json installed.json
fi
