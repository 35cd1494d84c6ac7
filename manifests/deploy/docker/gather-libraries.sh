#!/bin/sh
# gather-libraries.sh PROGRAM ROOT: a root directory in which the program runs: itself in /usr/local/bin, the libraries
# it is linked to where it looks for them, and what names its user.
set -eu
program=$1
root=$2

mkdir -p "$root/usr/local/bin" "$root/etc" "$root/tmp" "$root/models" "$root/etc/verify-models" "$root/var/lib/verify-models"
chmod 1777 "$root/tmp"
cp "$program" "$root/usr/local/bin/verify-models"
# `ldd` prints "libm.so.6 => /lib/.../libm.so.6 (0x...)", and the loader by its path alone.
for library in $(ldd "$program" | sed -n 's/^.*\(=> \|\t\)\(\/[^ ]*\) (0x.*$/\2/p'); do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done
echo 'verify-models:x:65532:65532::/tmp:/nonexistent' > "$root/etc/passwd"
echo 'verify-models:x:65532:' > "$root/etc/group"
# Authorities, for `fetch`, `repair` and `sign --keyless`; Node.js has its own where there are none.
if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
  mkdir -p "$root/etc/ssl/certs"
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
fi
