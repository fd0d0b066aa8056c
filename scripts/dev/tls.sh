# shellcheck shell=bash
# TLS everywhere, with --tls: a certificate authority of this cluster, and a certificate of each part, in $STATE/tls. They are for this
# machine alone. The servers of the shards have copies in $STATE/shards/tls, because their user may not be able to enter $STATE.

readonly TLS_PARTS=(proxy router redis postgres)
readonly TLS_DAYS=825

tls_folder() { echo "$STATE/tls"; }

tls_of_shards() { echo "$(readlink -f "$STATE/shards")/tls"; }

tls_scheme() { [[ -n $TLS ]] && echo https || echo http; }

tls_export() { # every program that is started from here on speaks TLS to Postgres, and believes only our authority
  [[ -n $TLS ]] || return 0
  export PGSSLMODE=verify-full PGSSLROOTCERT
  PGSSLROOTCERT=$(tls_folder)/ca.pem
}

tls_make() { # makes what is not there yet
  local part folder
  [[ -n $TLS ]] || return 0
  folder=$(tls_folder)
  mkdir -p "$folder"
  [[ -f $folder/ca.pem ]] || tls_make_authority "$folder"
  for part in "${TLS_PARTS[@]}"; do
    [[ -f $folder/$part.pem ]] || tls_issue "$part"
  done
}

tls_openssl() { # tls_openssl ARGUMENTS...
  openssl "$@" >>"$LOGS/tls.log" 2>&1 9>&- && return
  tail_of "$LOGS/tls.log"
  die "$EXIT_FAILED" "openssl $1 failed"
}

tls_make_authority() { # tls_make_authority FOLDER
  (
    umask 077
    tls_openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1/ca.key" -out "$1/ca.new" -days 3650 \
      -subj "/CN=sharding dev $CLUSTER" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
    chmod 644 "$1/ca.new"
    mv "$1/ca.new" "$1/ca.pem"
  )
}

tls_issue() { # tls_issue PART: a certificate for this machine and for the part's name; PART.pem has the key behind it, as HAProxy wants
  local folder
  folder=$(tls_folder)
  (
    umask 077
    printf 'subjectAltName=DNS:%s,DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' "$1" \
      >"$folder/extensions"
    tls_openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$folder/$1.key.new" -out "$folder/request" \
      -subj "/CN=$1"
    tls_openssl x509 -req -in "$folder/request" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -CAcreateserial -days "$TLS_DAYS" \
      -extfile "$folder/extensions" -out "$folder/$1.crt.new"
    cat "$folder/$1.crt.new" "$folder/$1.key.new" >"$folder/$1.pem.new"
    rm "$folder/request" "$folder/extensions"
    mv "$folder/$1.key.new" "$folder/$1.key"
    mv "$folder/$1.crt.new" "$folder/$1.crt"
    mv "$folder/$1.pem.new" "$folder/$1.pem"
  )
}

tls_give_to_shards() { # copies for the user of Postgres, which refuses a key that others may read
  [[ -n $TLS ]] || return 0
  local from to
  from=$(tls_folder) to=$(tls_of_shards)
  mkdir -p "$to"
  install -m 644 "$from/ca.pem" "$to/ca.pem"
  install -m 600 "$from/postgres.key" "$to/server.key"
  install -m 644 "$from/postgres.crt" "$to/server.crt"
  [[ $EUID != 0 ]] || chown -R postgres: "$to"
}

tls_postgres_settings() { # lines of postgresql.conf
  [[ -z $TLS ]] || printf "ssl = on\nssl_cert_file = '%s/server.crt'\nssl_key_file = '%s/server.key'\n" "$(tls_of_shards)" "$(tls_of_shards)"
}

tls_redis() { # as SHARDING_REDIS takes it
  echo "127.0.0.1:$REDIS_PORT${TLS:+,caFile=$(tls_folder)/ca.pem}"
}

tls_router_environment() { # prints what a router needs besides
  [[ -z $TLS ]] || printf '%s\n' "SHARDING_TLS_CERT=$(tls_folder)/router.crt" "SHARDING_TLS_KEY=$(tls_folder)/router.key"
}

tls_json() { # for ./dev status --json: the file of the authority
  [[ -n $TLS ]] && printf '"%s"' "$(tls_folder)/ca.pem" || printf null
}

tls_curl() { # for a curl line
  [[ -z $TLS ]] || printf ' --cacert %q' "$(tls_folder)/ca.pem"
}

tls_command() {
  [[ "$*" == renew ]] || usage_error "tls has one command: ./dev tls renew"
  config_require
  [[ -n $TLS ]] || die "$EXIT_PRECONDITION" "the cluster in $STATE does not speak TLS; it is chosen at the first start: ./dev up --tls"
  state_lock
  local part id host
  for part in "${TLS_PARTS[@]}"; do
    tls_issue "$part"
  done
  tls_give_to_shards
  for host in $(shard_processes); do
    # A postmaster reads its files again. Under Patroni it is not the process that was started here.
    if [[ -n $HA ]]; then id=$(patroni_postmaster "$host") && kill -HUP "$id" || true; else signal_process "$host" HUP; fi
  done
  redis_renew
  signal_process proxy USR2
  echo "New certificates of the same authority are in $(tls_folder). Routers take theirs within a second."
}
