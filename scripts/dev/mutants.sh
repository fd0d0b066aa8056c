# shellcheck shell=bash
# Tests the tests: puts each bug of tests/mutants/*.patch into a copy of the tree, builds the copy and runs the tests that should
# catch the bug. The command fails if a bug is not caught.

readonly MUTANT_LIMIT=600 # seconds that the tests of one bug may take

mutants_command() {
  local name patch survived=0 tried=0 tree
  local -a patches=()
  for name in "$@"; do
    [[ -f $ROOT/tests/mutants/$name.patch ]] ||
      die "$EXIT_NOT_FOUND" "there is no tests/mutants/$name.patch; there are: $(mutant_names)"
    patches+=("$ROOT/tests/mutants/$name.patch")
  done
  (($# > 0)) || patches=("$ROOT"/tests/mutants/*.patch)
  command -v patch >/dev/null || die "$EXIT_PRECONDITION" "mutants needs the program patch (apt-get install patch)"
  config_load
  mkdir -p "$LOGS"
  install_missing
  tree=$ROOT/.dev/mutants/tree
  mutants_copy "$tree"
  mutants_baseline "$tree" "${patches[@]}"
  printf '%-46s %-9s %7s  %s\n' mutant verdict seconds 'caught by'
  for patch in "${patches[@]}"; do
    ((tried += 1))
    mutant_try "$tree" "$patch" || ((survived += 1))
  done
  printf '%d of %d caught\n' $((tried - survived)) "$tried"
  ((survived == 0)) || exit "$EXIT_FAILED"
}

mutant_names() { basename -a -s .patch "$ROOT"/tests/mutants/*.patch | tr '\n' ' '; }

mutants_copy() { # mutants_copy TREE: copies the present files, committed or not; earlier build products in TREE are used again
  mkdir -p "$1"
  (cd "$ROOT" && git ls-files -z --cached --others --exclude-standard) |
    (cd "$ROOT" && while IFS= read -r -d '' file; do [[ ! -f $file ]] || printf '%s\0' "$file"; done) >"$ROOT/.dev/mutants/files"
  # Files that do not exist here any more are deleted in the copy; build products stay.
  (cd "$1" && find . \( -name bin -o -name obj -o -name .dev \) -prune -o -type f -printf '%P\0') |
    sort -z | comm -z -23 - <(sort -z "$ROOT/.dev/mutants/files") | (cd "$1" && xargs -0 -r rm -f)
  local file
  while IFS= read -r -d '' file; do
    if ! cmp -s "$ROOT/$file" "$1/$file"; then
      mkdir -p "$1/$(dirname "$file")"
      cp "$ROOT/$file" "$1/$file" # the new time stamp causes a new build
    fi
  done <"$ROOT/.dev/mutants/files"
}

mutant_field() { sed -n "s/^$2: //p" "$1" | head -n 1; } # mutant_field PATCH NAME

mutant_build() { # mutant_build TREE PROJECT LOG
  (cd "$1" && MSBUILDDISABLENODEREUSE=1 dotnet build "tests/$2" -c Release -p:RunAnalyzers=false -v q -nologo </dev/null) >"$3" 2>&1
}

mutant_tests() { # mutant_tests TREE PROJECT FILTER LOG
  (cd "$1" && MSBUILDDISABLENODEREUSE=1 timeout --kill-after=20 "$MUTANT_LIMIT" \
    dotnet test "tests/$2" -c Release --no-build --nologo --filter "$3" </dev/null) >"$4" 2>&1
}

mutants_baseline() { # mutants_baseline TREE PATCH...: without a bug the same tests must pass; otherwise "caught" would mean nothing
  local tree=$1 patch project log=$LOGS/mutants-baseline.log
  local -A filters=()
  shift
  for patch in "$@"; do
    read -r project filter <<<"$(mutant_field "$patch" Tests)"
    filters[$project]+="${filters[$project]:+|}$filter"
  done
  for project in "${!filters[@]}"; do
    step
    mutant_build "$tree" "$project" "$log" || {
      tail_of "$log"
      die "$EXIT_FAILED" "$project does not build even without a bug; the whole output is in $log"
    }
    mutant_tests "$tree" "$project" "${filters[$project]}" "$log" || {
      tail_of "$log"
      die "$EXIT_FAILED" "the tests of $project fail even without a bug; the whole output is in $log"
    }
    grep -q '^Passed! ' "$log" || die "$EXIT_FAILED" "no test of $project ran: ${filters[$project]}"
    step_done "without" "$project: all pass"
  done
}

mutant_try() { # mutant_try TREE PATCH: fails if the bug is not caught
  local tree=$1 name project filter started=$SECONDS code=0 log verdict=survived by=''
  name=$(basename "$2" .patch)
  log=$LOGS/mutant-$name.log
  read -r project filter <<<"$(mutant_field "$2" Tests)"
  if ! patch -d "$tree" -p1 --fuzz=3 --no-backup-if-mismatch -s <"$2" >"$log" 2>&1; then
    cat "$log" >&2
    die "$EXIT_FAILED" "tests/mutants/$name.patch does not fit the code any more"
  fi
  if ! mutant_build "$tree" "$project" "$log"; then
    verdict=broken by="it does not build: $log"
  else
    mutant_tests "$tree" "$project" "$filter" "$log" || code=$?
    # Only a test that failed because of the bug's effect counts (the field Shows): not a time limit, not a crash of the test
    # program, not a schema that could not be made.
    by=$(sed -nE 's/^ *Failed ([A-Za-z0-9_.]+\.)?([A-Za-z0-9_]+\.[A-Za-z0-9_]+)(\(.*)? \[.*\]$/\2/p' "$log" | sort -u | head -n 1)
    if ((code != 0)) && [[ -n $by ]] && grep -Eq -- "$(mutant_field "$2" Shows)" "$log"; then
      verdict=caught
    elif ((code != 0)); then
      verdict=undecided by="exit code $code, but not because of the bug's effect: $log"
    fi
  fi
  patch -d "$tree" -p1 -R --fuzz=3 --no-backup-if-mismatch -s <"$2" >>"$log" 2>&1 ||
    die "$EXIT_FAILED" "tests/mutants/$name.patch cannot be taken out of $tree again"
  printf '%-46s %-9s %7d  %s\n' "$name" "$verdict" $((SECONDS - started)) "${by:-–}"
  [[ $verdict == caught ]]
}
