# shellcheck shell=bash
# The packages of deploy/packages, on Debian. Sourced, from the top of the tree, by deploy/test and deploy/up.

missing_packages() {
    local package
    grep -v '^#' deploy/packages | while read -r package; do
        [ -z "$package" ] ||
            [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            echo "$package"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

install_packages() {
    as_root apt-get update &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

# drop_moved_build PRESET: a build folder of a tree that was copied or moved is of no use.
drop_moved_build() {
    if [ -f ".build/$1/CMakeCache.txt" ] &&
        ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" ".build/$1/CMakeCache.txt"; then
        rm -rf ".build/$1"
    fi
}
