# shellcheck shell=bash

data_load() { # 171,075 cities through the HTTP API; a second time it only looks whether they are there
  local item=/v1/collections/cities/items/FR/Paris,48.85341,2.3488
  step
  if [[ -f $STATE/loaded ]] && http_ok "$PROXY_PORT" "$item"; then
    note data "the cities were loaded before"
    return
  fi
  dotnet "$(program_of SampleLoader)" --url "http://127.0.0.1:$PROXY_PORT" --file "$ROOT/samples/cities.ndjson.gz" 9>&- ||
    die "$EXIT_FAILED" "the sample data was not loaded; start without it: ./dev up --no-data"
  touch "$STATE/loaded"
  step_done data "samples/cities.ndjson.gz (GeoNames, CC-BY-4.0)"
}
