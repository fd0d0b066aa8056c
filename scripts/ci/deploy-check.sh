#!/usr/bin/env bash
# The files that nothing here runs: units of systemd, manifests of Kubernetes, the proxy's configuration as these manifests have it, and
# what GitHub reads. A tool that is missing skips its part on a person's machine, and fails where CI is set.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/ci/npm.sh
source scripts/ci/npm.sh

failed=0

part() { # part NAME COMMAND...
  local name=$1 output code=0
  shift
  output=$("$@" 2>&1) || code=$?
  [[ -z $output ]] || printf '%s\n' "$output"
  if ((code == EXIT_PRECONDITION)) && [[ -z ${CI:-} ]]; then
    echo "deploy-check: $name SKIPPED"
  elif ((code != 0)); then
    echo "deploy-check: $name FAILED"
    failed=1
  else
    echo "deploy-check: $name passed"
  fi
}

need() { command -v "$1" >/dev/null || { echo "$1 was not found; install $2" >&2; return "$EXIT_PRECONDITION"; }; }

units() { # also that their hardening does not get less: 15 is "1.5, OK"
  if [[ $EUID == 0 ]] && ! command -v systemd-analyze >/dev/null && command -v apt-get >/dev/null; then
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends systemd; } >/dev/null
  fi
  need systemd-analyze systemd || return
  systemd-analyze verify --man=no deploy/systemd/*.service &&
    systemd-analyze security --offline=true --threshold=15 --no-pager deploy/systemd/*.service | grep Overall
}

proxy() {
  need haproxy haproxy || return
  ROUTERS=router.default.svc.cluster.local:8080 ROUTERS_DNS=10.96.0.10:53 STATS_BIND='*:8079' haproxy -c -q -f deploy/haproxy.cfg
}

manifests() (
  npm_packages scripts/ci/tools
  version=$(sed -nE 's:.*<Version>(.*)</Version>.*:\1:p' Directory.Build.props)
  node scripts/ci/tools/manifests.js deploy/kubernetes "$version" && tsc -p scripts/ci/tools
)

github() (
  npm_packages scripts/ci/tools
  node scripts/ci/tools/workflows.js .
)

PATH=$PATH:/usr/sbin:/sbin
part "units of systemd" units
part "proxy" proxy
part "manifests of Kubernetes" manifests
part "files for GitHub" github
exit "$failed"
