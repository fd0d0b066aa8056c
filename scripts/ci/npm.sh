# shellcheck shell=bash
# For scripts that need packages of npm: Node.js and the packages of a lock file, or a clear word.

readonly EXIT_PRECONDITION=4

npm_missing() {
  echo "npm: $*" >&2
  exit "$EXIT_PRECONDITION"
}

npm_packages() { # npm_packages FOLDER: installed as its lock file has them, and kept until that changes; its programs are in PATH then
  local program output lock=$1/package-lock.json kept=$1/node_modules/.lock
  for program in node npm; do
    command -v "$program" >/dev/null || npm_missing "$program was not found; install Node.js 20.19 or newer (on Debian: nodejs and npm)"
  done
  if ! cmp -s "$lock" "$kept"; then
    output=$(cd "$1" && npm ci --no-progress 2>&1) || npm_missing "the packages of $1 cannot be installed: $output"
    cp "$lock" "$kept"
  fi
  PATH=$(realpath "$1")/node_modules/.bin:$PATH
}
