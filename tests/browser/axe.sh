#!/bin/sh
# axe.sh PYTHON SCRIPT SITE FOLDER: fetches axe-core as package-lock.json pins it, then looks at the site with it.
set -eu
here=$(dirname "$0")
folder=$4
mkdir -p "$folder"
axe="$folder/node_modules/axe-core/axe.min.js"
if [ ! -f "$axe" ]; then
  cp "$here/package.json" "$here/package-lock.json" "$folder/"
  (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund >/dev/null 2>&1) || {
    echo "axe-core could not be fetched: npm is missing or there is no network"
    exit 77
  }
fi
exec "$1" "$2" "$3" axe "$axe"
