#!/bin/sh
# A Chromium for the browser tests: from the PATH, else from the system's packages where we may install them, else
# Playwright's own. What the tests would start is what is tried here: a name on the PATH may be a stub.
set -eu
bin=$1
starts() {
  "$bin/python" -m tests.chromium
}
if starts 2>/dev/null; then
  exit 0
fi

if [ "$(id -u)" = 0 ]; then
  as_root=""
elif sudo -n true 2>/dev/null; then
  as_root="sudo -n"
else
  as_root="cannot"
fi
if [ "$as_root" != cannot ] && command -v apt-get >/dev/null 2>&1; then
  # The fonts are for right-to-left text and emoji in screenshots.
  if $as_root apt-get update -q && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
    --no-install-recommends chromium fonts-dejavu-core fonts-noto-color-emoji && starts 2>/dev/null; then
    exit 0
  fi
fi

"$bin/python" -m playwright install chromium
starts # where a library of the system is missing, this says which
