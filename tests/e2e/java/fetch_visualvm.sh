#!/usr/bin/env bash
# VisualVM's heap library out of Debian's package, without installing that and the hundred others it asks for; and HSQLDB, a program
# to be dumped, likewise.
#   tests/e2e/java/fetch_visualvm.sh FOLDER      prints the jar's path; nothing to do when it is there
set -euo pipefail
mkdir -p "$1"
cd "$1"
jar=usr/share/visualvm/visualvm/modules/org-graalvm-visualvm-lib-jfluid-heap.jar
if [ ! -f "$jar" ]; then
  apt-get download -q visualvm >&2
  dpkg-deb -x visualvm_*.deb .
fi
if [ ! -e usr/share/java/hsqldb.jar ]; then
  { apt-get download -q libhsqldb-java && dpkg-deb -x libhsqldb-java_*.deb .; } >&2 || echo "HSQLDB is not to be had: one dump fewer" >&2
fi
echo "$PWD/$jar"
