#!/bin/sh
# Debian packages that Qt's xcb plug-in, OpenGL, Xvfb and Korean letters need: installed where we are root, named where not.
set -eu

command -v dpkg-query >/dev/null || exit 0 # macOS, Windows, other Linux: see CONTRIBUTING.md

wanted="xvfb xauth fonts-dejavu-core fonts-nanum libgl1 libegl1 libdbus-1-3 libfontconfig1 libglib2.0-0 libxkbcommon-x11-0
libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0
libxcb-xinerama0 libxcb-xkb1"
python3 -c "import ensurepip" 2>/dev/null || wanted="$wanted python3-venv"

missing=""
for package in $wanted; do
    # Newer releases rename some (libglib2.0-0t64) and provide the old name.
    dpkg-query -W -f '${db:Status-Abbrev}${Package} ${Provides}\n' "$package" "${package}t64" 2>/dev/null |
        grep -q '^ii' || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

if [ "$(id -u)" -eq 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # one word a package
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } </dev/null ||
        echo "Could not install$missing: going on without." >&2
else
    echo "These system packages are missing. Please run this line, then make again:" >&2
    echo "    sudo apt-get update && sudo apt-get install -y$missing" >&2
    exit 1
fi
