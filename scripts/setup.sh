#!/bin/sh
# Installs the Debian packages that a step needs and that are missing.
# usage: setup.sh build|test|demo|bench|lint|fuzz|edge
# Says what it installs; with nothing missing it is silent and needs no rights.
set -eu

build="g++ cmake ninja-build ccache pkg-config libprotozero-dev libhwy-dev
  libcli11-dev libfmt-dev nlohmann-json3-dev libxxhash-dev
  libjpeg62-turbo-dev libpng-dev libstb-dev libzip-dev zlib1g-dev"
case "${1:-build}" in
  build) wanted=$build ;;
  test) wanted="$build libgtest-dev libgmock-dev python3 python3-numpy
    dataset-fashion-mnist" ;;
  demo) wanted="$build dataset-fashion-mnist" ;;
  bench) wanted="$build python3" ;;
  edge) wanted="$build clang python3 python3-numpy gcc-arm-none-eabi
    libnewlib-arm-none-eabi qemu-system-arm" ;;
  lint) wanted="$build clang-tidy clang-format libgtest-dev libgmock-dev" ;;
  fuzz) wanted="$build libgtest-dev libgmock-dev clang-14 libclang-rt-14-dev" ;;
  *) echo "setup.sh: unknown step '$1'" >&2; exit 2 ;;
esac

missing=
for package in $wanted; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || {
    echo "setup: missing Debian packages:$missing" >&2
    echo "setup: install them as root, or install sudo, and run make again" >&2
    exit 1
  }
  as_root=sudo
fi
echo "setup: installing Debian packages:$missing"
# shellcheck disable=SC2086
$as_root sh -c "
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq &&
  apt-get install -y -qq --no-install-recommends $missing >/dev/null"
