#!/bin/sh
# Installs the Debian packages that a step needs and that are missing.
# usage: setup.sh build|test|demo|bench|lint|fuzz|edge|aarch64
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
  aarch64) wanted="$build python3 python3-numpy g++-aarch64-linux-gnu qemu-user
    libhwy-dev:arm64 libfmt-dev:arm64 libxxhash-dev:arm64 libgtest-dev:arm64
    libgmock-dev:arm64 libjpeg62-turbo-dev:arm64 libpng-dev:arm64
    libstb-dev:arm64 libzip-dev:arm64 zlib1g-dev:arm64" ;;
  lint) wanted="$build clang-tidy clang-format libgtest-dev libgmock-dev" ;;
  fuzz) wanted="$build libgtest-dev libgmock-dev clang-14 libclang-rt-14-dev" ;;
  *) echo "setup.sh: unknown step '$1'" >&2; exit 2 ;;
esac

native=$(dpkg --print-architecture)
missing=
for package in $wanted; do
  case "$package" in
    *:*) architecture=${package#*:} ;;
    *) architecture=$native ;;
  esac
  dpkg-query -W -f '${Architecture} ${db:Status-Status}\n' "$package" \
    2>/dev/null | grep -qxE "($architecture|all) installed" ||
    missing="$missing $package"
done
[ -n "$missing" ] || exit 0

# Packages of another architecture have to have the versions of this one's,
# which are brought up to date where they are not.
foreign=
case "$missing" in
  *:arm64*)
    { echo "$native"; dpkg --print-foreign-architectures; } | grep -qx arm64 ||
      foreign="dpkg --add-architecture arm64 &&" ;;
esac

as_root=
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || {
    echo "setup: missing Debian packages:$missing" >&2
    echo "setup: install them as root, or install sudo, and run make again" >&2
    exit 1
  }
  as_root=sudo
fi
[ -z "$foreign" ] || echo "setup: adding the architecture arm64 to dpkg's"
echo "setup: installing Debian packages:$missing"
# shellcheck disable=SC2086
$as_root sh -c "
  export DEBIAN_FRONTEND=noninteractive
  $foreign
  apt-get update -qq &&
  apt-get install -y -qq --no-install-recommends $missing >/dev/null"
