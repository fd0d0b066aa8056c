# shellcheck shell=bash

data_is_there() { # data_is_there PATH
  local key=
  if [[ -z $TLS ]]; then
    http_ok "$PROXY_PORT" "$1" "$(key_show)"
  else
    key=$(key_show)
    # The key comes by a pipe: other users of this machine see arguments.
    curl -sf -o /dev/null --cacert "$PGSSLROOTCERT" \
      -H @<(printf '%s\n' "${key:+Authorization: Bearer $key}") "https://127.0.0.1:$PROXY_PORT$1"
  fi
}

data_load() { # loads 171,075 cities through the HTTP API; if they were loaded before, it only checks that they are there
  local item=/v1/collections/cities/items/FR/Paris,48.85341,2.3488
  step
  if [[ -f $STATE/loaded ]] && data_is_there "$item"; then
    note data "the cities were loaded before"
    return
  fi
  SHARDING_API_KEY=$(key_show) env ${TLS:+SSL_CERT_FILE="$PGSSLROOTCERT"} dotnet "$(program_of SampleLoader)" \
    --url "$(tls_scheme)://127.0.0.1:$PROXY_PORT" --file "$ROOT/samples/cities.ndjson.gz" 9>&- ||
    die "$EXIT_FAILED" "the sample data was not loaded; start without it: ./dev up --no-data"
  touch "$STATE/loaded"
  step_done data "samples/cities.ndjson.gz (GeoNames, CC-BY-4.0)"
}
