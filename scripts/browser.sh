#!/bin/sh
# A Chromium for the browser tests: from the PATH, else from the system's packages where we may install them, else
# Playwright's own.
set -eu
bin=$1
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null 2>&1; then
    exit 0
  fi
done
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  # The fonts are for right-to-left text and emoji in screenshots.
  if apt-get update -q && apt-get install -q -y --no-install-recommends chromium fonts-dejavu-core fonts-noto-color-emoji; then
    exit 0
  fi
fi
exec "$bin/python" -m playwright install --with-deps chromium
